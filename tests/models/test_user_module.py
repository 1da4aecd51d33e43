"""Modules of the user's own: who may name them, what is changed about them, and what is refused."""

import sys
from collections import OrderedDict
from pathlib import Path

import own_networks
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from maml_studio.models import ModelError, allow, build_for, build_model, head_name, is_allowed, plain_source
from maml_studio.models.user_module import TaskBatchNorm, run_module
from maml_studio.spec import Experiment, SpecError, UserModule, from_toml, parse, to_toml, with_assignments, with_changes

SHAPE, OUTPUTS = (1, 28, 28), 3


@pytest.fixture(autouse=True)
def _trusted() -> None:
    allow("own_networks")


def own(name: str, head: str = "", **arguments: object) -> UserModule:
    normed = name in ("Normed", "Shared")
    return UserModule(path=f"own_networks:{name}", head=head, arguments=arguments, has_batch_norm=normed)


def build(name: str, head: str = "", **arguments: object) -> nn.Module:
    return build_model(own(name, head, **arguments), SHAPE, OUTPUTS, 0)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def parameters(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone().requires_grad_() for name, value in module.named_parameters()}


def gradients(outputs: Tensor, weights: dict[str, Tensor]) -> list[Tensor]:
    """First and second order, of something that is not linear in the outputs."""
    first = torch.autograd.grad(outputs.sin().sum(), list(weights.values()), create_graph=True)
    second = torch.autograd.grad(sum(value.square().sum() for value in first), list(weights.values()))
    return [*first, *second]


def test_a_strangers_module_never_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = tmp_path / "ran"
    (tmp_path / "strangers_network.py").write_text(f"import pathlib\npathlib.Path({str(ran)!r}).touch()\nfrom own_networks import Small")
    monkeypatch.syspath_prepend(tmp_path)
    settings = UserModule(path="strangers_network:Small")
    with pytest.raises(ModelError, match=r"^model.path strangers_network:Small .*allow\('strangers_network'\).*--allow-module"):
        build_model(settings, SHAPE, OUTPUTS, 0)
    assert not ran.exists()
    assert "strangers_network" not in sys.modules
    allow("strangers_network")
    assert build_model(settings, SHAPE, OUTPUTS, 0)
    assert ran.exists()


def test_allowing_a_package_allows_what_is_in_it() -> None:
    allow("some_package.part")
    assert is_allowed("some_package.part")
    assert is_allowed("some_package.part.deeper")
    assert not any(map(is_allowed, ("some_package", "some_package.partner", "some_package.other", "part", "")))
    for word in ("", "a.", "a b", "../a", "a:b"):
        with pytest.raises(ValueError, match="A module's name reads"):
            allow(word)


BAD = {
    "": "model.path should name a class of yours as package.module:Class; it is empty",
    "own_networks:Missing": "should name a class; own_networks has no Missing",
    "own_networks:not_a_class": "should name a class made from torch.nn.Module",
    "own_networks.deeper:Small": "there is no own_networks",
    "own_networks:Failing": r"can't be built as Failing\(\(1, 28, 28\), 3\): RuntimeError: no luck today",
    "own_networks:Crooked": r"fails on 4 examples of shape \[1, 28, 28\]: RuntimeError: ",
    "own_networks:Silent": r"should give outputs of shape \[4, 3\] for 4 examples, not a NoneType",
    "own_networks:TooWide": r"not a tensor of shape \[4, 5\]",
    "own_networks:Frozen": "has the frozen parameter body.0.weight",
    "own_networks:Idle": "does not use its parameter never.weight",
    "own_networks:Detached": "does not use its parameter body.0.weight",
    "own_networks:Counting": "changes its buffer calls",
    "own_networks:Averaging": r"keeps running averages in body.2 \(InstanceNorm2d\)",
    "own_networks:Dicing": "gives other outputs for the same input",
    "own_networks:Empty": "has no parameters",
}


@pytest.mark.parametrize("path", BAD)
def test_refused_in_one_sentence(path: str) -> None:
    with pytest.raises(ModelError, match=BAD[path]) as caught:
        build_model(UserModule(path=path), SHAPE, OUTPUTS, 0)
    assert str(caught.value).startswith(f"model.path {path} " if path else "model.path ")
    assert "\n" not in str(caught.value)


def test_a_module_that_cannot_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "half_written.py").write_text("def (")
    (tmp_path / "needs_more.py").write_text("import not_there_at_all")
    for name, reason in (
        ("half_written", "can't be imported: SyntaxError"),
        ("needs_more", "can't be imported: ModuleNotFoundError: No module named 'not_there"),
        ("nowhere", "should name a module that Python finds; there is no nowhere"),
    ):
        allow(name)
        with pytest.raises(ModelError, match=f"model.path {name}:Net {reason}"):
            build_model(UserModule(path=f"{name}:Net"), SHAPE, OUTPUTS, 0)


def test_arguments_reach_the_constructor() -> None:
    assert build("Small", width=7, activation="Tanh").classifier.in_features == 7 * 49
    with pytest.raises(ModelError, match=r"Small\(\(1, 28, 28\), 3, depth=\[1, 2\]\): TypeError: .*depth"):
        build("Small", depth=[1, 2])


@pytest.mark.parametrize("name", ["Small", "Normed", "Attending", "Fused", "Shared"])
def test_a_pure_function_of_its_parameters(name: str) -> None:
    """Same weights as the class makes, nothing kept, no number drawn, differentiable twice."""
    module = build(name)
    theirs = getattr(own_networks, name)(SHAPE, OUTPUTS)
    assert {key: value.shape for key, value in module.named_parameters()} == {key: v.shape for key, v in theirs.named_parameters()}
    module.double()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    weights, x = parameters(module), draw(6, *SHAPE)
    drawn = torch.random.get_rng_state()
    found = run_module(module, weights, x)
    assert all(torch.isfinite(value).all() for value in gradients(found, weights))
    assert torch.equal(run_module(module, weights, x), found)
    assert torch.equal(torch.random.get_rng_state(), drawn)
    assert list(module.state_dict()) == list(before)
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())


def test_batch_norms_use_the_batch_like_torchs_in_training() -> None:
    module, theirs = build("Normed").double(), own_networks.Normed(SHAPE, OUTPUTS).double()
    theirs.drop.p = 0.0
    weights, x = parameters(module), draw(6, *SHAPE)
    found, expected = run_module(module, weights, x), functional_call(theirs, weights, (x,))
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    for one, other in zip(gradients(found, weights), gradients(expected, weights), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def test_batch_norms_use_the_support_set_alone() -> None:
    module = build("Normed").double()
    weights, support, query = parameters(module), draw(5, *SHAPE), draw(4, *SHAPE, seed=1)
    both = run_module(module, weights, torch.cat([support, query]), statistics=5)
    torch.testing.assert_close(both[:5], run_module(module, weights, support), rtol=1e-10, atol=1e-12)
    alone = run_module(module, weights, torch.cat([support, query[:1]]), statistics=5)[5:]
    torch.testing.assert_close(alone, both[5:6], rtol=1e-10, atol=1e-12)
    assert not torch.allclose(both[5:], run_module(module, weights, query), rtol=1e-3)


def test_support_statistics_where_examples_are_folded() -> None:
    """``[N, L, F]`` as ``[N*L, F]``: the share of the rows is what counts."""

    class Folding(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = TaskBatchNorm(nn.BatchNorm1d(2).double())

        def forward(self, x: Tensor) -> Tensor:
            return self.norm(x.flatten(0, 1)).view(x.shape)

    module, x = Folding(), draw(6, 3, 2)
    found = run_module(module, parameters(module), x, statistics=4)
    torch.testing.assert_close(found[:4].flatten(0, 1).mean(0), torch.zeros(2, dtype=torch.float64), atol=1e-12, rtol=0)


@pytest.mark.parametrize(("name", "right"), [("Normed", True), ("Small", False)])
def test_batch_norm_is_what_the_settings_say(name: str, right: bool) -> None:
    """The norm mode beside every accuracy comes from the settings."""
    with pytest.raises(ModelError, match=f"^model.has_batch_norm should be {str(right).lower()}: own_networks:{name} has"):
        build_model(UserModule(path=f"own_networks:{name}", has_batch_norm=not right), SHAPE, OUTPUTS, 0)


def test_dropout_is_off() -> None:
    module = build("Normed")
    assert not module.drop.training
    assert not any(isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) for layer in module.modules())


def test_first_weights_come_from_the_seed() -> None:
    first, again, other = (build_model(own("Small"), SHAPE, OUTPUTS, seed).classifier.weight for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_head() -> None:
    module = build("Normed")
    assert head_name(module) == "head"
    assert head_name(module, "linear") == "linear"
    assert head_name(build("Small")) == "classifier"
    assert head_name(nn.Conv2d(1, 1, 1)) == ""
    with pytest.raises(ModelError, match=r"model.head 'conv' should be a linear layer of the network: linear, head"):
        head_name(module, "conv")
    with pytest.raises(ModelError, match=r"model.head 'nothing'"):
        build("Normed", head="nothing")


def test_plain_source_needs_the_class_alone() -> None:
    experiment = Experiment().model_copy(update={"model": own("Small", width=5)})
    scope = {"torch": torch, "nn": nn, "OrderedDict": OrderedDict}
    exec(plain_source(experiment), scope)
    net, network, x = scope["net"], build_for(experiment), torch.rand(4, *SHAPE)
    net.load_state_dict(network.state_dict())
    torch.testing.assert_close(net(x), network(x))


def test_settings_in_a_file() -> None:
    values = 'width = 8\nsizes = [1, 2]\nname = "x"\non = true\nrate = 0.5\n'
    text = f'[model]\nname = "module"\npath = "own_networks:Small"\n[model.arguments]\n{values}'
    experiment = from_toml(text)
    assert experiment.model.keywords == {"width": 8, "sizes": [1, 2], "name": "x", "on": True, "rate": 0.5}
    assert hash(experiment.model) == hash(from_toml(text).model)
    assert from_toml(to_toml(experiment)) == experiment
    assert parse(experiment.model_dump(mode="json")) == experiment
    assert with_assignments(experiment, ["model.arguments={width=9}"]).model.keywords == {"width": 9}


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("model.path", "os", "should read package.module:Class, not 'os'"),
        ("model.path", "a:b:c", "should read package.module:Class"),
        ("model.path", "../a:B", "should read package.module:Class"),
        ("model.path", "a.b:C.d", "should read package.module:Class"),
        ("model.arguments", {"w": {"a": 1}}, "should give w a number, a text, true or false, or a list of them"),
        ("model.arguments", {"w": float("nan")}, "should give w a number"),
        ("model.arguments", {"w": [[1]]}, "should give w a number"),
        ("model.arguments", {"9": 1}, "should have names as Python spells them, not '9'"),
        ("model.arguments", [1, 2], "should be a table of names and values"),
    ],
)
def test_settings_refused(field: str, value: object, reason: str) -> None:
    experiment = Experiment().model_copy(update={"model": own("Small")})
    with pytest.raises(SpecError, match=f"^{field} {reason}"):
        with_changes(experiment, {field: value})
