"""Several runs side by side: their curves, the settings that differ, and how they do on the same test tasks.

Nothing here imports torch, but what measures a run that was not measured yet.
"""
