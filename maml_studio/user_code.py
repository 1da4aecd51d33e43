"""Which modules of the user's own may be imported because a file names them.

An experiment or a checkpoint may come from anybody, and importing a module runs it. So a file's word is not enough: the user has to have
allowed the module, in this process, by its name.
"""

_allowed: set[str] = set()


def allow(module: str) -> None:
    """Let experiments and checkpoints name classes of this module, and of modules below it, until the program ends.

    Args:
        module: such as ``package.module``.

    Raises:
        ValueError: when that is no module's name.
    """
    if not all(part.isidentifier() for part in module.split(".")):
        raise ValueError(f"A module's name reads package.module, not {module!r}")
    _allowed.add(module)


def is_allowed(module: str) -> bool:
    """Whether the user has allowed this module, or a package that it is in."""
    parts = module.split(".")
    return any(".".join(parts[:count]) in _allowed for count in range(1, len(parts) + 1))
