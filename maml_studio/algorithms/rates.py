"""Names of learned inner rates among the meta-parameters."""

RATE = "inner_rate."
"""What stands before a parameter's name in the name of its learned rate."""
