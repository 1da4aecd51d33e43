"""Sweeps: a search for good settings, each trial of it an ordinary run."""
