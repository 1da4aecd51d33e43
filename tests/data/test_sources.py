import math
import subprocess
import sys

import pytest
import torch

from maml_studio.data import SOURCES, DataError, open_tasks
from maml_studio.data.digits import load_digit_bank
from maml_studio.data.progress import silent
from maml_studio.spec import TABLES, Digits, NWay, OneVsRest, Regression, Sinusoid


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_every_source_of_images_has_a_loader():
    assert set(SOURCES) == set(TABLES["data"]) - {"sinusoid"}


def test_torchvision_waits_until_it_is_wanted():
    code = "import maml_studio.data, sys; sys.exit('torchvision' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "settings", [Sinusoid(), Sinusoid(amplitude_min=2.0, amplitude_max=3.0, phase_max=1.0), Sinusoid(amplitude_min=5.0)]
)
def test_sine_waves_have_the_amplitudes_and_phases_of_the_settings(settings):
    """Fitted: A sin(x - p) is linear in A cos p and A sin p."""
    sampler = open_tasks(settings).sampler("train", Regression(shot=10, query=20))
    episodes = sampler.sample(2000, generator())
    assert episodes.support_x.shape == (2000, 10, 1)
    assert episodes.query_y.shape == (2000, 20, 1)
    assert episodes.classes.shape == (2000, 0)
    assert sampler.class_names == ()
    x = torch.cat([episodes.support_x, episodes.query_x], 1).double()
    y = torch.cat([episodes.support_y, episodes.query_y], 1).double()
    assert x.abs().max() <= 5
    assert x.min() < -4.99
    assert x.max() > 4.99
    features = torch.cat([x.sin(), x.cos()], -1)
    coefficients = torch.linalg.lstsq(features, y).solution
    assert (features @ coefficients - y).abs().max() < 1e-5
    amplitude = coefficients.squeeze(-1).norm(dim=-1)
    phase = torch.atan2(-coefficients[:, 1, 0], coefficients[:, 0, 0])
    spread = settings.amplitude_max - settings.amplitude_min
    assert amplitude.min() > settings.amplitude_min - 1e-4
    assert amplitude.min() <= settings.amplitude_min + 0.01 * spread + 1e-4
    assert amplitude.max() < settings.amplitude_max + 1e-4
    assert amplitude.max() >= settings.amplitude_max - 0.01 * spread - 1e-4
    assert phase.min() > -1e-3
    assert phase.max() < settings.phase_max + 1e-3
    assert phase.max() > 0.99 * settings.phase_max
    assert abs(phase.mean() - settings.phase_max / 2) < 5 * settings.phase_max / math.sqrt(12 * 2000)


@pytest.mark.parametrize("task", [NWay(), OneVsRest()])
def test_sine_waves_have_no_classes(task):
    with pytest.raises(DataError, match=r"task\.kind should be regression"):
        open_tasks(Sinusoid()).sampler("train", task)


def test_the_digits():
    bank = load_digit_bank(Digits(), silent)
    assert bank.images.shape == (1797, 28, 28)
    assert bank.images.dtype == torch.uint8
    assert bank.labels.bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert bank.class_names == tuple("0123456789")
    assert bank.images.amax((1, 2)).min() > 150


def test_the_digits_lie_as_mnist_digits_do():
    """Longest side 20 of 28 pixels, centre of mass in the middle."""
    ink = load_digit_bank(Digits(), silent).images.double()
    places = torch.arange(28, dtype=torch.float64)
    for axis in (1, 2):
        along = ink.sum(3 - axis)
        assert ((along * places).sum(1) / along.sum(1) - 13.5).abs().max() < 1
    rows, columns = ((ink > 50).any(axis).sum(1) for axis in (2, 1))
    assert (torch.maximum(rows, columns) - 20).abs().max() <= 2


def test_the_digits_are_what_their_labels_say():
    """Nearest neighbours, half of them against the other half."""
    bank = load_digit_bank(Digits(), silent)
    flat = bank.images.double().flatten(1)
    nearest = torch.cdist(flat[1::2], flat[::2]).argmin(1)
    assert (bank.labels[::2][nearest] == bank.labels[1::2]).double().mean() > 0.97


def test_tasks_of_digits_with_the_default_settings():
    tasks = open_tasks(Digits())
    for part, share in (("train", 0.6), ("validation", 0.2), ("test", 0.2)):
        episodes = tasks.sampler(part, NWay()).sample(4, generator())
        assert episodes.support_x.shape == (4, 5, 1, 28, 28)
        pool = getattr(tasks.split, "train" if part == "train" else part)
        assert abs(len(pool.index) / 1797 - share) < 0.01
        assert len(pool.class_names) == 10
