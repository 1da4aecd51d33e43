"""Entry point: ``python -m maml_studio``."""
def main() -> None:
    """Run."""
