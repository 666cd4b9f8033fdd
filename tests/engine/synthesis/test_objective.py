"""The objective: weights, signs, and rows that stay apart."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.models.pair import Pair
from engine.synthesis import objective
from jobs.recipe import Recipe


def target(pair: Pair, include: str, exclude: str = "") -> objective.Target:
    recipe = Recipe.make(include, exclude, width=32, height=32, steps=1, seed=0)
    return objective.target(recipe, pair.perceptor)


def test_includes_add_up_to_one_and_excludes_are_on_their_scale(pair: Pair) -> None:
    asked = target(pair, "a red circle:3 | the moon", "watermark:2")
    assert asked.texts == ("a red circle", "the moon", "watermark")
    assert asked.weights.tolist() == pytest.approx([0.75, 0.25, -0.5])


INDIFFERENT = 0.1


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0.01, 0.5))
def test_the_loss_falls_towards_includes_and_away_from_excludes(
    include: float, exclude: float, more: float
) -> None:
    asked = objective.Target(("a", "b"), torch.eye(2), torch.tensor([1.0, -0.5]))

    def loss(*similarity: float) -> float:
        return objective.loss(torch.tensor(similarity), asked, INDIFFERENT).item()

    here = loss(include, exclude)
    assert loss(include + more, exclude) < here
    # An exclude counts from the similarity on that any unrelated text has.
    further = loss(include, exclude + more)
    assert further > here if exclude + more > INDIFFERENT + 0.01 else further >= here
    assert loss(include, min(exclude, INDIFFERENT)) == pytest.approx(loss(include, -1.0))


def test_similarities_are_means_over_a_rows_own_cutouts(pair: Pair) -> None:
    one, two = target(pair, "a red circle"), target(pair, "the moon", "snow")
    embedded = torch.nn.functional.normalize(torch.randn(8, one.embeddings.shape[1]), dim=-1)
    first, second = objective.similarities(embedded, [one, two])
    assert first.tolist() == pytest.approx((embedded[:4] @ one.embeddings.t()).mean(0).tolist())
    assert second.tolist() == pytest.approx((embedded[4:] @ two.embeddings.t()).mean(0).tolist())
