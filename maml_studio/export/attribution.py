"""Who made the training data, and on which terms: what a model card has to say."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """Where training data comes from.

    Attributes:
        about: author, year, reference and licence, in a line.
        licence: the licence by the identifier that model hubs use; empty where there is none to name.
    """

    about: str
    licence: str = ""


SOURCES: dict[str, Source] = {
    "digits": Source(
        "Optical Recognition of Handwritten Digits (the copy in scikit-learn), by E. Alpaydin and C. Kaynak, 1998, "
        "UCI Machine Learning Repository, doi:10.24432/C50P49; CC BY 4.0.",
        "cc-by-4.0",
    ),
    "glyphs": Source("Characters invented by MAML Studio, drawn from a seed; no data of anybody."),
    "sinusoid": Source("Sine waves, computed on the spot; no data of anybody."),
    "omniglot": Source(
        "Omniglot, by B. M. Lake, R. Salakhutdinov and J. B. Tenenbaum, 2015, doi:10.1126/science.aab3050; MIT License.", "mit"
    ),
    "mnist": Source("MNIST, by Y. LeCun, C. Cortes and C. J. C. Burges, 1998; CC BY-SA 3.0.", "cc-by-sa-3.0"),
    "fashion_mnist": Source(
        "Fashion-MNIST, by H. Xiao, K. Rasul and R. Vollgraf, 2017, arXiv:1708.07747, © Zalando SE; MIT License.", "mit"
    ),
    "kmnist": Source(
        "KMNIST Dataset (created by CODH), adapted from Kuzushiji Dataset (created by NIJL and others), "
        "doi:10.20676/00000341; CC BY-SA 4.0.",
        "cc-by-sa-4.0",
    ),
    "emnist": Source(
        "EMNIST (balanced), by G. Cohen, S. Afshar, J. Tapson and A. van Schaik, 2017, arXiv:1702.05373, made from NIST Special "
        "Database 19; it names no licence of its own.",
        "unknown",
    ),
    "folder": Source("A folder of images on the author's machine; its licence is for the author to state here.", "unknown"),
    "drawn": Source("Drawings made on the author's machine; their licence is for the author to state here.", "unknown"),
}
"""One for each source of ``spec.data``."""

NOT_KNOWN = Source("Not known.", "unknown")
