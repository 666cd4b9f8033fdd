"""What CLIP learns from drawings and from adversarial images, and that its weights come back."""

from pathlib import Path
from random import Random

import pytest
import torch

from engine.models.perceptor import read_perceptor
from training.data import drawn_batches as batches
from training.data.drawn_captions import Caption, holds
from training.data.drawn_scenes import facts
from training.sketch.export import export, restore
from training.sketch.perceptor import PerceptorTraining, answers
from training.sketch.prior import PriorTraining
from training.sketch.vqgan import VQGANTraining


def test_of_drawings_all_is_known_and_of_an_adversarial_image_that_it_is_wrong() -> None:
    _, captions, scenes = batches.captioned(Random(3), groups=2)
    true = [facts(scene) for scene in scenes]
    adversarial = [Caption("red", frozenset({"red"})), captions[0]]
    right, known = answers(true, [*captions, *adversarial], adversarial=2)
    assert right.shape == known.shape == (10, 10)
    for picture, described in enumerate(true):
        for column, caption in enumerate([*captions, *adversarial]):
            answer = holds(caption, described)
            assert known[picture, column] == (answer is not None)
            assert right[picture, column] == bool(answer)
    assert all(right[i, i] for i in range(8))
    assert not right[8:].any()
    assert known[8:].tolist() == [[False] * 8 + [True, False], [False] * 9 + [True]]


@pytest.mark.parametrize("progress", [0.1, 0.9])
def test_a_step_trains_both_towers(progress: float) -> None:
    torch.manual_seed(0)
    training = PerceptorTraining()
    training.progress = progress
    batch = batches.captioned(Random(5), groups=2)
    loss = training.training_step(batch, batch_idx=1)
    loss.backward()
    assert loss.isfinite()
    table = training.clip.token_embedding.weight.grad
    assert table is not None
    assert table.abs().sum() > 0
    assert not table[0].any()  # a word that no caption uses says nothing, and learns nothing
    kernel = training.clip.visual.conv1.weight.grad
    assert kernel is not None
    assert kernel.abs().sum() > 0
    assert training.clip.visual.training


@pytest.mark.slow
def test_what_was_exported_is_read_by_the_engine_and_trained_further(tmp_path: Path) -> None:
    torch.manual_seed(1)
    reconstruction, perceptor = VQGANTraining(), PerceptorTraining()
    trainings = {"vqgan": reconstruction, "perceptor": perceptor, "prior": PriorTraining(perceptor)}
    for name, training in trainings.items():
        (tmp_path / name).mkdir()
        torch.save({"state_dict": training.state_dict()}, tmp_path / name / "last.ckpt")
    export(tmp_path, tmp_path / "pair")
    painted = (tmp_path / "pair" / "vqgan.safetensors").read_bytes()
    (tmp_path / "vqgan" / "last.ckpt").unlink()
    export(tmp_path, tmp_path / "pair")  # now without the VQGAN
    assert (tmp_path / "pair" / "vqgan.safetensors").read_bytes() == painted
    with pytest.raises(FileNotFoundError):
        export(tmp_path, tmp_path / "another")

    again = VQGANTraining()
    restore(again, tmp_path / "pair")
    for name, weight in reconstruction.vqgan.state_dict().items():
        assert torch.equal(again.vqgan.state_dict()[name].half(), weight.half()), name

    further = PerceptorTraining()
    restore(further, tmp_path / "pair")
    engines = read_perceptor(tmp_path / "pair" / "clip.safetensors", "")
    pictures, captions, _ = batches.captioned(Random(7), groups=2)
    texts = [caption.text for caption in captions] + ["a red zebra"]
    rows = [further.vocabulary.rows(text) for text in texts]
    tokens = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for padded, row in zip(tokens, rows, strict=True):
        padded[: len(row)] = torch.tensor(row)
    further.clip.eval()
    with torch.no_grad():
        seen = torch.nn.functional.normalize(further.embed(pictures), dim=-1)
        read = torch.nn.functional.normalize(further.clip.encode_text(tokens), dim=-1)
    assert torch.allclose(seen, engines.embed_images(pictures), atol=1e-4)
    assert torch.allclose(read, engines.embed_texts(texts), atol=1e-4)
