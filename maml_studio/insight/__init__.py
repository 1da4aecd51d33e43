"""What a run did, explained: how layers move, what features keep, and where the inner path leads."""
