"""Counter-examples: they follow what pleases, stay pictures, and begin anew when time is up."""

from random import Random

import pytest
import torch
from torch import Tensor

from training.data import drawn_batches as batches
from training.data.drawn_captions import Caption
from training.sketch import dreams
from training.sketch.dreams import AT_A_TIME, LONGEST, STEP_LENGTH, STEPS, Dreams

RED, BLUE = Caption("red", frozenset({"red"})), Caption("blue", frozenset({"blue"}))


@pytest.fixture(scope="module")
def drawn() -> Tensor:
    pictures, _, _ = batches.captioned(Random(1), groups=4)
    return pictures


def colourfulness(pictures: Tensor, captions: list[Caption]) -> Tensor:
    """How much of its caption's colour a picture has."""
    channels = torch.tensor([0 if caption == RED else 2 for caption in captions])
    return pictures[torch.arange(len(pictures)), channels].mean((1, 2))


def test_dreams_follow_their_captions(drawn: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dreams, "COUNT", AT_A_TIME)
    store = Dreams()
    captions = [RED if i % 2 else BLUE for i in range(len(drawn))]
    store.next(drawn, captions, colourfulness)
    said = [dream.caption for dream in store.store]
    assert set(said) == {RED, BLUE}
    begun = colourfulness(pictures_of(store), said)
    for _ in range(LONGEST // 6 - 2):  # so long, the shortest of them lasts
        store.next(drawn, captions, colourfulness)
    assert [dream.caption for dream in store.store] == said
    gained = colourfulness(pictures_of(store), said) - begun
    assert gained.min() >= 0
    assert gained.max() > 0.02


def test_a_dream_stays_a_picture_and_moves_by_small_steps(
    drawn: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dreams, "COUNT", AT_A_TIME)
    store = Dreams()
    captions = [RED] * len(drawn)
    store.next(drawn, captions, colourfulness)
    before = pictures_of(store)
    moved, said = store.next(drawn, captions, colourfulness)
    assert moved.shape == (AT_A_TIME, 3, 64, 64)
    assert said == [RED] * AT_A_TIME
    assert moved.min() >= 0
    assert moved.max() <= 1
    assert not moved.requires_grad
    distance = (pictures_of(store) - before).flatten(1).norm(dim=1)
    assert distance.max() > 0
    assert distance.max() <= STEPS * STEP_LENGTH + 1e-4


def test_a_dream_ends_and_another_begins(drawn: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dreams, "COUNT", AT_A_TIME)
    store = Dreams()

    def darkness(pictures: Tensor, captions: list[Caption]) -> Tensor:
        return -pictures.mean((1, 2, 3))

    store.next(drawn, [RED] * len(drawn), darkness)
    first = list(store.store)
    for _ in range(LONGEST):
        store.next(drawn, [RED] * len(drawn), darkness)
    assert {id(dream) for dream in first}.isdisjoint(map(id, store.store))
    assert all(0 < dream.left <= LONGEST for dream in store.store)
    assert all(dream.left <= 0 for dream in first)


def pictures_of(store: Dreams) -> Tensor:
    return torch.stack([dream.picture for dream in store.store])
