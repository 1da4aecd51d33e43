"""Who made the training data, and on which terms: what a model card has to say."""

ATTRIBUTION: dict[str, str] = {
    "digits": "Optical Recognition of Handwritten Digits (the copy in scikit-learn), by E. Alpaydin and C. Kaynak, 1998, "
    "UCI Machine Learning Repository, doi:10.24432/C50P49; CC BY 4.0.",
    "sinusoid": "Sine waves, computed on the spot; no data of anybody.",
    "omniglot": "Omniglot, by B. M. Lake, R. Salakhutdinov and J. B. Tenenbaum, 2015, doi:10.1126/science.aab3050; MIT License.",
    "mnist": "MNIST, by Y. LeCun, C. Cortes and C. J. C. Burges, 1998; CC BY-SA 3.0.",
    "fashion_mnist": "Fashion-MNIST, by H. Xiao, K. Rasul and R. Vollgraf, 2017, arXiv:1708.07747, © Zalando SE; MIT License.",
    "kmnist": "KMNIST Dataset (created by CODH), adapted from Kuzushiji Dataset (created by NIJL and others), "
    "doi:10.20676/00000341; CC BY-SA 4.0.",
    "emnist": "EMNIST (balanced), by G. Cohen, S. Afshar, J. Tapson and A. van Schaik, 2017, arXiv:1702.05373, made from NIST Special "
    "Database 19; it names no licence of its own.",
    "folder": "A folder of images on the author's machine; its licence is for the author to state here.",
}
"""One line for each source of ``spec.data``."""
