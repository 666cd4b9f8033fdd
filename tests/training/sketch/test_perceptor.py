"""What CLIP learns from drawings and adversarial images, and that its weights can be exported."""

from pathlib import Path
from random import Random

import pytest
import torch

from engine.models.perceptor import read_perceptor
from training.data import drawn_batches as batches
from training.data.drawn_captions import Caption, holds
from training.data.drawn_scenes import facts
from training.sketch.export import export, restore
from training.sketch.perceptor import PerceptorTraining, match_labels
from training.sketch.prior import PriorTraining
from training.sketch.vqgan import VQGANTraining


def test_all_labels_are_known_for_drawings_and_only_one_for_adversarial_images() -> None:
    _, captions, scenes = batches.captioned(Random(3), groups=2)
    true = [facts(scene) for scene in scenes]
    adversarial = [Caption("red", frozenset({"red"})), captions[0]]
    right, known = match_labels(true, [*captions, *adversarial], adversarial=2)
    assert right.shape == known.shape == (10, 10)
    for row, true_facts in enumerate(true):
        for column, caption in enumerate([*captions, *adversarial]):
            answer = holds(caption, true_facts)
            assert known[row, column] == (answer is not None)
            assert right[row, column] == bool(answer)
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
    assert not table[0].any()  # words that no caption uses are not trained
    kernel = training.clip.visual.conv1.weight.grad
    assert kernel is not None
    assert kernel.abs().sum() > 0
    assert training.clip.visual.training


@pytest.mark.slow
def test_an_export_is_read_by_the_engine_and_can_be_trained_further(tmp_path: Path) -> None:
    torch.manual_seed(1)
    reconstruction, perceptor = VQGANTraining(), PerceptorTraining()
    trainings = {"vqgan": reconstruction, "perceptor": perceptor, "prior": PriorTraining(perceptor)}
    for name, training in trainings.items():
        (tmp_path / name).mkdir()
        torch.save({"state_dict": training.state_dict()}, tmp_path / name / "last.ckpt")
    export(tmp_path, tmp_path / "pair")
    vqgan_weights = (tmp_path / "pair" / "vqgan.safetensors").read_bytes()
    (tmp_path / "vqgan" / "last.ckpt").unlink()
    export(tmp_path, tmp_path / "pair")  # now without the VQGAN
    assert (tmp_path / "pair" / "vqgan.safetensors").read_bytes() == vqgan_weights
    with pytest.raises(FileNotFoundError):
        export(tmp_path, tmp_path / "another")

    again = VQGANTraining()
    restore(again, tmp_path / "pair")
    for name, weight in reconstruction.vqgan.state_dict().items():
        assert torch.equal(again.vqgan.state_dict()[name].half(), weight.half()), name

    restored = PerceptorTraining()
    restore(restored, tmp_path / "pair")
    engine_perceptor = read_perceptor(tmp_path / "pair" / "clip.safetensors", "")
    images, captions, _ = batches.captioned(Random(7), groups=2)
    texts = [caption.text for caption in captions] + ["a red zebra"]
    rows = [restored.vocabulary.rows(text) for text in texts]
    tokens = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for padded, row in zip(tokens, rows, strict=True):
        padded[: len(row)] = torch.tensor(row)
    restored.clip.eval()
    with torch.no_grad():
        image_embeddings = torch.nn.functional.normalize(restored.embed(images), dim=-1)
        text_embeddings = torch.nn.functional.normalize(restored.clip.encode_text(tokens), dim=-1)
    assert torch.allclose(image_embeddings, engine_perceptor.embed_images(images), atol=1e-4)
    assert torch.allclose(text_embeddings, engine_perceptor.embed_texts(texts), atol=1e-4)
