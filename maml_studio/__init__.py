"""MAML Studio: a desktop workbench for meta-learning."""
