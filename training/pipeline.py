"""The stages of training `picturebook`, in order."""

from collections.abc import Callable
from dataclasses import dataclass

import pytorch_lightning as pl
import torch
from torch import Tensor

from engine.models.prior import LatentPrior
from engine.models.vqgan import VQGAN
from training.data.teachers import ImageNetFeatures
from training.shipped import shipped_state
from training.stages import (
    decoder,
    image_tower,
    prior,
    text_tower,
    upscaler,
    vqgan,
    word_vectors,
)
from training.stages.decoder import DecoderTraining
from training.stages.image_tower import ImageTowerTraining, folded
from training.stages.prior import PriorTraining
from training.stages.text_tower import TextTowerTraining, Tokens, encoded, padded
from training.stages.upscaler import UpscalerTraining
from training.stages.vqgan import VQGANTraining
from training.stages.word_vectors import WordVectorTraining
from training.vqgan_training import LEARNING_RATE as VQGAN_RATE
from training.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Stage:
    """`share` is its share of the total time; `module` creates the module to train."""

    name: str
    share: float
    learning_rate: float
    module: Callable[[Workspace], pl.LightningModule]


def _vqgan(workspace: Workspace) -> VQGANTraining:
    return VQGANTraining(workspace.cache)


def _text_tower(workspace: Workspace) -> TextTowerTraining:
    texts, alignment = workspace.texts, workspace.alignment
    rows = encoded([text for text, _ in texts.pairs])
    tokens = Tokens.of(rows)
    with torch.no_grad():
        batches = texts.embeddings.split(4096)
        targets = torch.cat([alignment.embed_texts(batch) for batch in batches])
    which = torch.tensor([texts.english[english] for _, english in texts.pairs])
    return TextTowerTraining(padded(rows, tokens), targets, which, tokens)


def _image_tower(workspace: Workspace) -> ImageTowerTraining:
    network = folded(ImageNetFeatures("lite2", workspace.cache))
    views = workspace.views(network, trained_vqgan(workspace))
    embed_texts = _trained_text_tower(workspace).embed_texts
    texts, captions = workspace.tower_captions
    names = embed_texts([concept.name for concept in workspace.images.concepts])
    concepts = workspace.single_concepts(workspace.tower_scenes)
    return ImageTowerTraining(network, views, embed_texts(texts), captions, names, concepts)


def _word_vectors(workspace: Workspace) -> WordVectorTraining:
    texts, embeddings = workspace.definitions
    counts = workspace.word_counts
    rows = {word: row for row, word in enumerate(counts)}
    embedded, synsets = workspace.encoder(list(counts)), len(workspace.wordnet_texts)
    initial = word_vectors.initial_vectors(embedded, counts.values(), synsets)
    known = [[rows[w] for w in word_vectors.english_words(t) if w in rows] for t in texts]
    targets = word_vectors.centred(embeddings, embeddings.mean(0))
    readable = [row for row, words in enumerate(known) if words]
    return WordVectorTraining([known[row] for row in readable], targets[readable], initial)


def _prior(workspace: Workspace) -> PriorTraining:
    tower = _trained_text_tower(workspace)
    return PriorTraining(workspace.prior_data(trained_vqgan(workspace), tower.embed_texts))


def _decoder(workspace: Workspace) -> DecoderTraining:
    encoder, tower = trained_vqgan(workspace), _trained_text_tower(workspace)
    data = workspace.prior_data(encoder, tower.embed_texts)
    scenes, _ = workspace.prior_scenes
    network = folded(ImageNetFeatures("lite2", workspace.cache))
    return DecoderTraining(
        encoder, _trained_prior(workspace), network, data, scenes, workspace.maker
    )


def _upscaler(workspace: Workspace) -> UpscalerTraining:
    return UpscalerTraining(workspace.upscaling_crops)


def _trained_prior(workspace: Workspace) -> LatentPrior:
    """The trained prior."""
    state = checkpoint(workspace, "prior")
    network = LatentPrior(**prior.CONFIG)
    network.load_state_dict(
        {name.removeprefix("ema."): value for name, value in state.items() if name[:4] == "ema."}
    )
    return network


def _trained_text_tower(workspace: Workspace) -> TextTowerTraining:
    """The trained text tower."""
    return _text_tower_of(checkpoint(workspace, "text_tower"))


def shipped_reader() -> Callable[[list[str]], Tensor]:
    """The embedding function of the included text tower."""
    return _text_tower_of(shipped_state("text_tower")).embed_texts


def _text_tower_of(state: dict[str, Tensor]) -> TextTowerTraining:
    nothing = torch.zeros(0, dtype=torch.long)
    tower = TextTowerTraining(nothing, nothing, nothing, Tokens(tuple(state["known"].tolist())))
    tower.load_state_dict(state)
    return tower.eval()


def trained_vqgan(workspace: Workspace) -> VQGAN:
    """The trained VQGAN."""
    state = checkpoint(workspace, "vqgan")
    network = VQGAN(**vqgan.CONFIG)
    network.load_state_dict(
        {name.removeprefix("vqgan."): value for name, value in state.items() if name != "uses"}
    )
    return network.eval().requires_grad_(False)


def checkpoint(workspace: Workspace, stage: str) -> dict[str, Tensor]:
    """The latest state of a stage's module; the shipped one if it was not trained here."""
    path = workspace.runs / stage / "last.ckpt"
    if not path.exists():
        return shipped_state(stage)
    saved = torch.load(path, map_location="cpu", weights_only=True)
    state: dict[str, Tensor] = saved["state_dict"]
    return state


STAGES = (
    Stage("vqgan", 0.28, VQGAN_RATE, _vqgan),
    Stage("text_tower", 0.15, text_tower.LEARNING_RATE, _text_tower),
    Stage("word_vectors", 0.02, word_vectors.LEARNING_RATE, _word_vectors),
    Stage("image_tower", 0.02, image_tower.LEARNING_RATE, _image_tower),
    Stage("prior", 0.38, prior.LEARNING_RATE, _prior),
    Stage("decoder", 0.1, decoder.LEARNING_RATE, _decoder),
    Stage("upscaler", 0.05, upscaler.LEARNING_RATE, _upscaler),
)
