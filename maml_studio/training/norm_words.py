"""A norm mode as captions and sentences say it."""

STATISTICS = ("support", "transductive")


def norm_words(mode: str) -> str:
    """``norm: support``, ``norm: transductive``; ``no norm`` and ``layer norm`` say by themselves what they are.

    Args:
        mode: as :func:`maml_studio.training.evaluation.norm_mode` has it.
    """
    return f"norm: {mode}" if mode in STATISTICS else mode
