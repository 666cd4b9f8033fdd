"""Adversarial images follow the gradient, stay in range, and are replaced once used up."""

from random import Random

import pytest
import torch
from torch import Tensor

from training.data import drawn_batches as batches
from training.data.drawn_captions import Caption
from training.sketch import adversarial
from training.sketch.adversarial import BATCH, MAX_USES, STEP_LENGTH, STEPS, AdversarialImages

RED, BLUE = Caption("red", frozenset({"red"})), Caption("blue", frozenset({"blue"}))


@pytest.fixture(scope="module")
def drawn() -> Tensor:
    scenes, _, _ = batches.captioned(Random(1), groups=4)
    return scenes


def colourfulness(images: Tensor, captions: list[Caption]) -> Tensor:
    """How much of its caption's colour each image has."""
    channels = torch.tensor([0 if caption == RED else 2 for caption in captions])
    return images[torch.arange(len(images)), channels].mean((1, 2))


def test_images_follow_their_captions(drawn: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adversarial, "COUNT", BATCH)
    images = AdversarialImages()
    captions = [RED if i % 2 else BLUE for i in range(len(drawn))]
    images.next(drawn, captions, colourfulness)
    used = [entry.caption for entry in images.buffer]
    assert set(used) == {RED, BLUE}
    before = colourfulness(stacked(images), used)
    for _ in range(MAX_USES // 6 - 2):  # as long as the shortest-lived one lasts
        images.next(drawn, captions, colourfulness)
    assert [entry.caption for entry in images.buffer] == used
    gains = colourfulness(stacked(images), used) - before
    assert gains.min() >= 0
    assert gains.max() > 0.02


def test_an_image_stays_in_range_and_changes_by_small_steps(
    drawn: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adversarial, "COUNT", BATCH)
    images = AdversarialImages()
    captions = [RED] * len(drawn)
    images.next(drawn, captions, colourfulness)
    before = stacked(images)
    changed, used = images.next(drawn, captions, colourfulness)
    assert changed.shape == (BATCH, 3, 64, 64)
    assert used == [RED] * BATCH
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert not changed.requires_grad
    distance = (stacked(images) - before).flatten(1).norm(dim=1)
    assert distance.max() > 0
    assert distance.max() <= STEPS * STEP_LENGTH + 1e-4


def test_an_image_that_is_used_up_is_replaced(
    drawn: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adversarial, "COUNT", BATCH)
    images = AdversarialImages()

    def darkness(images: Tensor, captions: list[Caption]) -> Tensor:
        return -images.mean((1, 2, 3))

    images.next(drawn, [RED] * len(drawn), darkness)
    first = list(images.buffer)
    for _ in range(MAX_USES):
        images.next(drawn, [RED] * len(drawn), darkness)
    assert {id(entry) for entry in first}.isdisjoint(map(id, images.buffer))
    assert all(0 < entry.uses_left <= MAX_USES for entry in images.buffer)
    assert all(entry.uses_left <= 0 for entry in first)


def stacked(images: AdversarialImages) -> Tensor:
    return torch.stack([entry.image for entry in images.buffer])
