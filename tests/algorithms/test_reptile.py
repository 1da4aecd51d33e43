"""Reptile: PyTorch's own Adam inside, minibatches that depend on the outer step alone, training apart from trying."""

from itertools import islice

import pytest
import torch
from algorithm_cases import assert_same_gradient, learner, meta_of, random_tasks, with_algorithm
from torch.func import functional_call

from maml_studio.algorithms.reptile import minibatches
from maml_studio.data import Episodes


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("network", ["mlp-tanh", "sinusoid-relu", "conv4-stride-none"])
def test_inner_adam_is_pytorchs_without_momentum(network: str, batched: bool) -> None:
    """torch.optim.Adam with betas (0, 0.999), one optimizer per task, seven full-batch steps."""
    algorithm, episodes = with_algorithm("reptile", learner(network, batched=batched), inner_lr=0.01, test_batch=100), random_tasks(network)
    meta = meta_of(algorithm)
    path = algorithm.adapt(meta, episodes, 7)
    for task in range(len(episodes)):
        weights = {key: value.detach().clone().requires_grad_() for key, value in meta.items()}
        optimizer = torch.optim.Adam(weights.values(), lr=0.01, betas=(0.0, 0.999))
        for point in path:
            for key, value in weights.items():
                torch.testing.assert_close(point.params[key][task], value.detach(), rtol=1e-9, atol=1e-12)
            optimizer.zero_grad()
            outputs, y = functional_call(algorithm.learner.module, weights, (episodes.support_x[task],)), episodes.support_y[task]
            loss = torch.nn.functional.mse_loss(outputs, y) if y.is_floating_point() else torch.nn.functional.cross_entropy(outputs, y)
            torch.testing.assert_close(point.support_loss[task], loss.detach(), rtol=1e-9, atol=1e-12)
            loss.backward()
            optimizer.step()


@pytest.mark.parametrize("size", [1, 3, 4, 7, 9])
def test_minibatches_go_through_all_examples(size: int) -> None:
    """Each pass of ten examples has every one of them once, whatever the batch."""
    drawn = torch.cat(list(islice(minibatches(10, size, seed=3), 30)))
    passes = drawn[: len(drawn) // 10 * 10].view(-1, 10)
    assert torch.equal(passes.sort(1).values, torch.arange(10).expand(len(passes), -1))
    assert len({tuple(row.tolist()) for row in passes}) > 1
    assert torch.equal(drawn, torch.cat(list(islice(minibatches(10, size, seed=3), 30))))
    assert not torch.equal(drawn, torch.cat(list(islice(minibatches(10, size, seed=4), 30))))


@pytest.mark.parametrize("size", [10, 11, 1000])
def test_no_more_examples_than_a_minibatch_are_all_of_them(size: int) -> None:
    assert all(torch.equal(batch, torch.arange(10)) for batch in islice(minibatches(10, size, seed=0), 4))


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_deterministic_and_the_same_in_any_chunks(optimizer: str, batched: bool) -> None:
    network = "mlp-tanh"
    algorithm, episodes = (
        with_algorithm("reptile", learner(network, batched=batched), optimizer=optimizer, inner_steps=5),
        random_tasks(network, 5),
    )
    meta = meta_of(algorithm)

    def gradient(tasks: Episodes, iteration: int) -> dict[str, torch.Tensor]:
        return algorithm.outer_gradient(meta, tasks, transductive=True, iteration=iteration).gradient

    whole = gradient(episodes, 8)
    assert all(torch.equal(value, whole[key]) for key, value in gradient(episodes, 8).items())
    for size in (1, 2):
        parts = [(len(chunk), gradient(chunk, 8)) for chunk in episodes.chunks(size)]
        assert_same_gradient({key: sum(n * part[key] for n, part in parts) / len(episodes) for key in whole}, whole, 1e-10)
    with pytest.raises(AssertionError, match="is off by"):
        assert_same_gradient(gradient(episodes, 9), whole, 1e-3)


def test_trying_has_a_batch_of_its_own() -> None:
    """And always the same order of examples, so that a score can be had again."""
    network = "mlp-tanh"
    episodes = random_tasks(network)
    ends = []
    for batch, test_batch in ((2, 3), (4, 3), (2, 4)):
        algorithm = with_algorithm("reptile", learner(network), batch=batch, test_batch=test_batch)
        ends.append(algorithm.adapt(meta_of(algorithm), episodes, 4)[-1].params["head.weight"])
    assert torch.equal(ends[0], ends[1])
    assert not torch.allclose(ends[0], ends[2], rtol=1e-4)


def test_the_queries_do_not_teach() -> None:
    network = "mlp-tanh"
    algorithm, episodes = with_algorithm("reptile", learner(network)), random_tasks(network)
    meta = meta_of(algorithm)
    other = Episodes(episodes.support_x, episodes.support_y, episodes.query_x.flip(1) ** 2, episodes.query_y, episodes.classes)
    one, two = (algorithm.outer_gradient(meta, tasks, transductive=True) for tasks in (episodes, other))
    assert all(torch.equal(value, two.gradient[key]) for key, value in one.gradient.items())
    assert not torch.allclose(one.query_loss, two.query_loss)
