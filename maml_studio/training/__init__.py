"""The outer loop, its events, checkpoints and evaluation."""
