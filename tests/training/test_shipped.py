"""The weights in the repository can be loaded into the stages' modules."""

from pathlib import Path

import pytest
import torch

from engine.models.catalogue import find
from engine.models.model import load_model
from training.pipeline import checkpoint, trained_vqgan
from training.shipped import load_shipped, shipped_state
from training.stages.prior import CONFIG, LatentPrior
from training.stages.text_tower import TextTowerTraining, Tokens
from training.stages.vqgan import VQGANTraining
from training.workspace import Workspace


@pytest.mark.slow
def test_a_stage_that_was_not_trained_here_has_the_shipped_weights(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, tmp_path)
    model = load_model(find("picturebook").name, tmp_path, torch.device("cpu"))
    images = torch.rand(1, 3, 64, 64)
    assert torch.equal(trained_vqgan(workspace).encode(images), model.vqgan.encode(images))


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    training = VQGANTraining(tmp_path)
    load_shipped(training, "vqgan")
    with pytest.raises(ValueError, match="do not fit prior"):
        load_shipped(training, "prior")


def test_the_prior_continues_from_the_shipped_one() -> None:
    state = shipped_state("prior")
    prior = LatentPrior(**CONFIG)
    prior.load_state_dict({n[6:]: v for n, v in state.items() if n.startswith("prior.")})
    assert prior.basis.any()
    assert {n[4:] for n in state if n.startswith("ema.")} == prior.state_dict().keys()


def test_the_text_tower_embeds_texts_as_the_shipped_one_does(tmp_path: Path) -> None:
    state = checkpoint(Workspace(tmp_path, tmp_path), "text_tower")
    empty = torch.zeros(0, dtype=torch.long)
    tower = TextTowerTraining(empty, empty, empty, Tokens(tuple(state["known"].tolist())))
    tower.load_state_dict(state)
    perceptor = load_model("picturebook", tmp_path, torch.device("cpu")).perceptor
    texts = ["a lighthouse in a storm", "ein roter Kreis"]
    embedded, expected = tower.eval().embed_texts(texts), perceptor._encode(texts)
    assert torch.nn.functional.cosine_similarity(embedded, expected).min() > 0.99


def test_a_text_tower_with_more_tokens_continues_from_the_shipped_one() -> None:
    shipped = shipped_state("text_tower")
    known = shipped["known"].tolist()
    added = min(set(range(known[0], known[-1])) - set(known))
    empty = torch.zeros(0, dtype=torch.long)
    tokens = Tokens(tuple(sorted((*known, added))))
    tower = TextTowerTraining(empty, empty, empty, tokens)
    initial = tower.clip.token_embedding.weight.detach().clone()
    load_shipped(tower, "text_tower")
    table, row = tower.clip.token_embedding.weight, 1 + tokens.known.index(added)
    assert torch.equal(table[row], initial[row])
    others = torch.cat([table[:row], table[row + 1 :]])
    assert torch.equal(others, shipped["clip.token_embedding.weight"])


def test_an_unknown_stage_is_refused() -> None:
    with pytest.raises(ValueError, match="no stage"):
        shipped_state("tokenizer")
