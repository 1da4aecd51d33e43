"""The program inside a bundle: the same as ``python -m maml_studio``."""

import logging
import multiprocessing
import warnings

from maml_studio.__main__ import main

if __name__ == "__main__":
    # A library that starts processes would otherwise open the window once more in each.
    multiprocessing.freeze_support()
    # Of no use to whoever exports: torch says of each operator of torchvision that it is not there, and warns of its own calls.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning, module="copyreg")
    main()
