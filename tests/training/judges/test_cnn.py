"""The trained judge is right on scenes it never saw, whatever their size."""

from random import Random

import pytest
import torch

from training.data.drawing import draw
from training.data.drawn_scenes import SKIES, THINGS, Scene, facts, random_scene
from training.judges.cnn import FACTS, WEIGHTS, Judge
from training.judges.lessons import ROWS, _best_threshold, augmented, labelled_batch


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.load()


def test_its_weights_are_small() -> None:
    assert WEIGHTS.stat().st_size < 1_000_000


@pytest.mark.parametrize("side", [64, 128])
def test_the_judge_names_what_is_in_real_scenes(judge: Judge, side: int) -> None:
    random = Random("fresh for the CNN")
    scenes = [random_scene(random) for _ in range(100)]
    named = judge.find_facts([draw(scene, side) for scene in scenes])
    pairs = [
        (fact in facts(s), fact in n) for s, n in zip(scenes, named, strict=True) for fact in FACTS
    ]
    true_positives = sum(true and found for true, found in pairs)
    assert true_positives >= 0.95 * sum(true for true, _ in pairs)
    assert true_positives >= 0.95 * sum(found for _, found in pairs)


def test_the_judge_sees_whether_an_element_is_there(judge: Judge) -> None:
    times = {"sun": "day", "clouds": "day", "moon": "night", "stars": "night"}
    for element in (*SKIES, *THINGS):
        time = times.get(element, "day")
        bare = [Scene(land="hills", time=time, jitter=i) for i in range(4)]
        full = [
            Scene(land="hills", time=time, elements=frozenset({element}), jitter=i)
            for i in range(4)
        ]
        named = judge.find_facts([draw(scene) for scene in bare + full])
        assert [element in names for names in named] == [False] * 4 + [True] * 4, element


def test_a_labelled_batch_pairs_images_with_what_is_true() -> None:
    images, true = labelled_batch(Random(3), ROWS)
    rough = augmented(images)
    assert images.shape == rough.shape == (ROWS, 3, 64, 64)
    assert true.shape == (ROWS, len(FACTS))
    assert rough.min() >= 0
    assert rough.max() <= 1
    assert not torch.equal(images, rough)


def test_the_threshold_is_where_it_separates_best() -> None:
    logits = torch.tensor([3.0, 1.0, 2.0, -1.0, 0.0])
    threshold = _best_threshold(logits, torch.tensor([1.0, 0.0, 1.0, 0.0, 0.0]))
    assert 1 < threshold <= 2
