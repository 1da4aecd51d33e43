"""The networks: what they are made of, how they are drawn, and their plain twin."""

from collections import OrderedDict

import pytest
import torch
from torch import nn
from torch.func import functional_call

from maml_studio.models import MODELS, Network, build_for, build_model, input_shape, plain_source
from maml_studio.spec import TABLES, Conv4, Experiment, Mlp, Model, Recurrent, TutorialCnn, preset_names, with_changes
from maml_studio.spec import load_preset as preset

IMAGE_MODELS: dict[str, Model] = {
    f"conv4-{downsample}-{norm}": Conv4(width=6, downsample=downsample, norm=norm)
    for downsample in ("stride", "max_pool")
    for norm in ("batch", "group", "layer", "none")
} | {
    "tutorial_cnn": TutorialCnn(),
    "tutorial_cnn-softmax": TutorialCnn(softmax=True),
    "mlp": Mlp(hidden=(5, 4), activation="tanh"),
    "mlp-no-hidden": Mlp(hidden=()),
    "gru": Recurrent(hidden=6),
    "gru-none": Recurrent(hidden=6, norm="none"),
    "lstm-2": Recurrent(cell="lstm", hidden=5, layers=2),
}


def experiment_with(model: Model) -> Experiment:
    return Experiment().model_copy(update={"model": model})


SINES = with_changes(Experiment(), {"data.source": "sinusoid", "task.kind": "regression", "model.name": "mlp"})
EXPERIMENTS = (
    {name: experiment_with(model) for name, model in IMAGE_MODELS.items()}
    | {
        "sines": SINES,
        "strokes": with_changes(
            Experiment(), {"data.source": "glyphs", "model.name": "recurrent", "model.reads": "strokes", "model.hidden": 6}
        ),
        "one_vs_rest": with_changes(Experiment(), {"task.kind": "one_vs_rest"}),
    }
    | {name: preset(name) for name in preset_names()}
)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_plain_source_is_the_same_network(name: str) -> None:
    """Somebody with only PyTorch and our weights gets our outputs."""
    experiment = EXPERIMENTS[name]
    network = build_for(experiment)
    scope = {"torch": torch, "nn": nn, "OrderedDict": OrderedDict}
    exec(plain_source(experiment), scope)
    plain = scope["net"]
    assert type(plain) is nn.Sequential
    parameters = OrderedDict(plain.named_parameters())
    assert list(parameters) == list(network.state_dict())
    assert [value.shape for value in parameters.values()] == [value.shape for value in network.state_dict().values()]
    # Only the running averages, which stay unused in training mode, are missing from our weights.
    missing, unexpected = plain.load_state_dict(network.state_dict(), strict=False)
    assert not unexpected
    assert all(key.endswith(("running_mean", "running_var", "num_batches_tracked")) for key in missing)
    x = torch.rand(7, *input_shape(experiment), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(plain.train()(x), network(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_stacked_network_equals_the_loop(name: str) -> None:
    experiment, tasks = EXPERIMENTS[name], 3
    network = build_for(experiment).double()
    generator = torch.Generator().manual_seed(0)
    weights = {
        key: value.detach() + 0.1 * torch.randn(tasks, *value.shape, generator=generator, dtype=torch.float64)
        for key, value in network.named_parameters()
    }
    x = torch.rand(6, tasks, *input_shape(experiment), generator=generator, dtype=torch.float64)
    for statistics in (None, 4):
        together = functional_call(network, weights, (x.flatten(1, 2), statistics))
        alone = [
            functional_call(network, {key: value[task] for key, value in weights.items()}, (x[:, task], statistics))
            for task in range(tasks)
        ]
        torch.testing.assert_close(together, torch.stack(alone), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", IMAGE_MODELS)
def test_first_weights_come_from_the_seed_alone(name: str) -> None:
    def draw(seed: int) -> list[torch.Tensor]:
        return list(build_model(IMAGE_MODELS[name], (1, 28, 28), 5, seed).state_dict().values())

    torch.manual_seed(123)
    before = torch.random.get_rng_state()
    first = draw(7)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(321)
    assert all(torch.equal(one, two) for one, two in zip(first, draw(7), strict=True))
    assert any(not torch.equal(one, two) for one, two in zip(first, draw(8), strict=True))


@pytest.mark.parametrize(
    ("settings", "parameters"),
    [
        # conv 1->64 640, three times 64->64 36928, four norms 128 each, head 64->5 325
        (Conv4(), 640 + 3 * 36928 + 4 * 128 + 325),
        (Conv4(downsample="max_pool", norm="none"), 640 + 3 * 36928 + 325),
        (TutorialCnn(), 320 + 18496 + 204928 + 645),
        (Mlp(), 785 * 40 + 41 * 40 + 41 * 5),
        # three gates of 28 + 128 inputs with two biases each, norm, head
        (Recurrent(), 3 * 128 * (28 + 128 + 2) + 2 * 128 + 129 * 5),
        (Recurrent(cell="lstm", hidden=32, layers=2, norm="none"), 4 * 32 * (28 + 32 + 2) + 4 * 32 * (32 + 32 + 2) + 33 * 5),
    ],
)
def test_sizes(settings: Model, parameters: int) -> None:
    network = build_model(settings, (1, 28, 28), 5, 0)
    assert sum(value.numel() for value in network.parameters()) == parameters
    assert network(torch.zeros(3, 1, 28, 28)).shape == (3, 5)


def test_mlp_of_the_sinusoid_paper() -> None:
    network = build_for(SINES)
    assert sum(value.numel() for value in network.parameters()) == 2 * 40 + 41 * 40 + 41
    assert network(torch.zeros(10, 1)).shape == (10, 1)


@pytest.mark.parametrize(("size", "downsample"), [(28, "stride"), (84, "stride"), (84, "max_pool"), (105, "max_pool")])
def test_conv4_averages_whatever_is_left(size: int, downsample: str) -> None:
    network = build_model(Conv4(width=4, downsample=downsample), (3, size, size), 2, 0)
    assert network(torch.zeros(2, 3, size, size)).shape == (2, 2)


@pytest.mark.parametrize(("width", "groups"), [(64, 8), (32, 8), (12, 6), (10, 5), (7, 7), (13, 1), (1, 1)])
def test_group_norm_divides_any_width(width: int, groups: int) -> None:
    network = build_model(Conv4(width=width, norm="group"), (1, 28, 28), 5, 0)
    assert network.norm1.num_groups == groups


@pytest.mark.parametrize("name", IMAGE_MODELS)
def test_head_is_the_last_linear_layer(name: str) -> None:
    network = build_model(IMAGE_MODELS[name], (1, 28, 28), 5, 0)
    assert isinstance(network, Network)
    assert [key for key, layer in network.named_children() if isinstance(layer, nn.Linear)][-1] == "head"


def test_every_settings_table_has_a_network() -> None:
    assert set(MODELS) == set(TABLES["model"])
