"""The text tower is trained, and the image tower stays frozen."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from training.data import drawn_batches as batches
from training.data.drawing import draw
from training.data.drawn_captions import Caption
from training.data.drawn_scenes import Figure, Scene
from training.sketch.export import clip_state
from training.sketch.perceptor import PerceptorTraining
from training.sketch.text_tower import TextTowerTraining


def swapped_colours() -> batches.Captioned:
    """Two scenes that differ in which shape has which colour, with a caption for each."""
    circle, square = (
        Figure("circle", "red", 0.27, 0.5, 0.2),
        Figure("square", "blue", 0.7, 0.5, 0.2),
    )
    scene = Scene((circle, square))
    other = Scene((replace(circle, colour="blue"), replace(square, colour="red")))
    captions = [
        Caption("a red circle and a blue square", frozenset({"red circle", "blue square"})),
        Caption("a blue circle and a red square", frozenset({"blue circle", "red square"})),
    ]
    return batches.to_tensor([draw(scene), draw(other)]), captions, [scene, other]


def test_it_learns_which_shape_has_which_colour_and_the_image_tower_stays_frozen() -> None:
    torch.manual_seed(0)
    training = TextTowerTraining(PerceptorTraining())
    frozen = {k: v.clone() for k, v in training.perceptor.clip.visual.state_dict().items()}
    optimizer = torch.optim.AdamW([p for p in training.parameters() if p.requires_grad], 2e-3)
    losses = []
    for _ in range(12):
        loss = training.loss(swapped_colours())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    for name, weight in training.perceptor.clip.visual.state_dict().items():
        assert torch.equal(weight, frozen[name]), name


def test_training_continues_with_the_clip_that_was_trained_last(tmp_path: Path) -> None:
    assert clip_state(tmp_path) == {}
    for stage in ("perceptor", "text_tower", "joint"):
        trained = PerceptorTraining()
        training = TextTowerTraining(trained) if stage == "text_tower" else trained
        save(tmp_path / stage, training.state_dict())
        state, expected = clip_state(tmp_path), trained.state_dict()
        assert state.keys() == expected.keys()
        assert all(torch.equal(state[name], weight) for name, weight in expected.items()), stage


def save(folder: Path, state: dict[str, Tensor]) -> None:
    folder.mkdir()
    torch.save({"state_dict": state}, folder / "last.ckpt")
