"""What the stages of training share: data that is made once, and kept under one folder.

Each property makes what it needs on first use. Whatever takes longer than a minute is cached.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.models.vqgan import VQGAN
from training.data.captions import Captions
from training.data.images import Images, load_images
from training.data.pool import Pool, load_pool
from training.data.scenes import Scene, SceneMaker
from training.data.teachers import SentenceEncoder
from training.data.texts import (
    Pair,
    caption_pairs,
    name_pairs,
    synonyms,
    with_typos,
    wordnet,
)
from training.data.vocabulary import vocabulary
from training.stages.alignment import Alignment, train_alignment

POOL = 30_000
"""Scenes that both CLIP and the prior learn from, looked at by the ImageNet network."""
MORE_SCENES = 30_000
"""Further scenes for the prior alone."""
TEXT_SCENES = 40_000
"""Scenes that are only captioned, for the text tower."""
CAPTIONS = 2
"""Captions of each scene."""
NEAR = 0.42
"""Cosine of a noun of WordNet to the nearest name, from which on the text tower learns it."""
LONGEST_DEFINITION = 90
"""Characters."""
ENCODED = 60
"""Scenes that are encoded together."""


@dataclass(frozen=True)
class Texts:
    """`pairs` (text, English) and the sentence encoder's `embeddings` of the English."""

    pairs: list[Pair]
    english: dict[str, int]
    embeddings: Tensor


@dataclass(frozen=True)
class PriorData:
    """`latents` (n, channels, side, side), normalised; `captions` (n, k) are rows of `said`."""

    latents: Tensor
    mean: Tensor
    std: Tensor
    seen: Tensor
    said: Tensor
    captions: Tensor


class Workspace:
    """`cache` holds the data, `runs` the checkpoints of the stages."""

    def __init__(self, cache: Path, runs: Path) -> None:
        self.cache, self.runs = cache, runs

    @cached_property
    def images(self) -> Images:
        return load_images(self.cache)

    @cached_property
    def maker(self) -> SceneMaker:
        return SceneMaker(self.images)

    @cached_property
    def synsets(self) -> list[tuple[list[str], str]]:
        return wordnet(self.cache)

    @cached_property
    def captions(self) -> Captions:
        names = {concept.name for concept in self.images.concepts}
        return Captions(self.maker, synonyms(names, self.synsets))

    @cached_property
    def pool(self) -> Pool:
        return load_pool(self.cache, POOL, seed=0)

    @cached_property
    def encoder(self) -> SentenceEncoder:
        return SentenceEncoder(self.cache)

    @cached_property
    def names(self) -> Tensor:
        """(concepts, SENTENCE_WIDTH): the sentence encoder's embeddings of all English names."""
        return self.encoder([concept.name for concept in self.images.concepts])

    @cached_property
    def texts(self) -> Texts:
        saved = self._cached("texts", self._make_texts)
        return Texts(saved["pairs"], saved["english"], saved["embeddings"].float())

    def _make_texts(self) -> dict[str, Any]:
        random = Random("texts")
        names = name_pairs(self.captions)
        lemmas = sorted({lemma for lemmas, _ in self.synsets for lemma in lemmas})
        near = (self.encoder(lemmas) @ self.names.t()).amax(1) > NEAR
        kept = {lemma for lemma, is_near in zip(lemmas, near.tolist(), strict=True) if is_near}
        nouns = [(lemma, lemma) for lemma in sorted(kept)]
        definitions = [
            (definition, definition)
            for lemmas, definition in self.synsets
            if kept & set(lemmas) and 8 < len(definition) < LONGEST_DEFINITION
        ]
        scenes = [self.maker.scene(random) for _ in range(TEXT_SCENES)]
        captions = caption_pairs(self.captions, scenes, CAPTIONS, seed=1)
        pairs = [*names * 3, *with_typos(names * 12, random), *nouns]
        pairs += [*with_typos(nouns * 4, random), *definitions, *captions]
        english = {text: i for i, text in enumerate(sorted({english for _, english in pairs}))}
        embeddings = self.encoder(list(english)).half()
        return {"pairs": pairs, "english": english, "embeddings": embeddings}

    @cached_property
    def pool_captions(self) -> tuple[Tensor, Tensor]:
        """Sentence embeddings (m, SENTENCE_WIDTH), and which of them (POOL, CAPTIONS) are right."""
        return self._caption(self.pool.scenes, "pool-captions")

    def _caption(self, scenes: list[Scene], name: str) -> tuple[Tensor, Tensor]:
        def make() -> dict[str, Any]:
            random = Random(name)
            said = [
                [self.captions.caption(scene, random).english for _ in range(CAPTIONS)]
                for scene in scenes
            ]
            unique = {text: i for i, text in enumerate(sorted({t for row in said for t in row}))}
            which = torch.tensor([[unique[text] for text in row] for row in said])
            return {"embeddings": self.encoder(list(unique)).half(), "which": which}

        saved = self._cached(name, make)
        return saved["embeddings"].float(), saved["which"]

    @cached_property
    def single_concepts(self) -> Tensor:
        """(POOL,): the concept of scenes that show one kind of thing, else -1."""
        return torch.tensor([self._single(scene) for scene in self.pool.scenes])

    def _single(self, scene: Scene) -> int:
        shown = {int(self.images.concept[thing.image]) for thing in scene.things}
        return shown.pop() if len(shown) == 1 else -1

    @cached_property
    def alignment(self) -> Alignment:
        """The common space; trained on first use, which takes some minutes."""
        alignment, saved = Alignment(), self.cache / "alignment.pt"
        if saved.exists():
            alignment.load_state_dict(torch.load(saved, weights_only=True))
        else:
            sentences, which = self.pool_captions
            features = torch.from_numpy(self.pool.features.copy()).float()
            train_alignment(alignment, features, sentences, which, self.names, self.single_concepts)
            torch.save(alignment.state_dict(), saved)
        return alignment.eval().requires_grad_(False)

    @torch.no_grad()
    def embed_names(self) -> Tensor:
        """(concepts, WIDTH) of unit length, in the common space."""
        return self.alignment.embed_texts(self.names)

    @torch.no_grad()
    def embed_pool(self) -> tuple[Tensor, Tensor, Tensor]:
        """What is seen (POOL, WIDTH), what is said (m, WIDTH), and which is right of which."""
        sentences, which = self.pool_captions
        features = torch.from_numpy(self.pool.features.copy()).float()
        return self.alignment.embed_images(features), self.alignment.embed_texts(sentences), which

    def vocabulary(self) -> dict[str, Any]:
        """The table of the vocabulary file."""
        lemmas = sorted({lemma for lemmas, _ in self.synsets for lemma in lemmas})
        embedded = self._cached("nouns", lambda: {"embeddings": self.encoder(lemmas).half()})
        return vocabulary(self.images, lemmas, embedded["embeddings"].float(), self.names)

    def prior_data(self, vqgan: VQGAN) -> PriorData:
        """Scenes as normalised latents of this VQGAN, and what is said of them."""
        saved = self._cached("prior-data", lambda: self._make_prior_data(vqgan))
        return PriorData(**saved)

    @torch.no_grad()
    def _make_prior_data(self, vqgan: VQGAN) -> dict[str, Tensor]:
        random = Random("prior")
        more = [self.maker.scene(random) for _ in range(MORE_SCENES)]
        latents = [
            _encode(vqgan, self.pool.images(torch.arange(start, min(start + ENCODED, POOL))))
            for start in range(0, POOL, ENCODED)
        ]
        for start in range(0, MORE_SCENES, ENCODED):
            drawn = [torch.from_numpy(self.maker.draw(s)) for s in more[start : start + ENCODED]]
            images = torch.stack(drawn).movedim(-1, 1).float() / 255
            latents.append(_encode(vqgan, images))
        every = torch.cat(latents)
        mean = every.float().mean((0, 2, 3)).view(-1, 1, 1)
        std = every.float().std((0, 2, 3)).view(-1, 1, 1)
        seen, said, which = self.embed_pool()
        sentences, further = self._caption(more, "more-captions")
        said_further = self.alignment.embed_texts(sentences)
        # The ImageNet network has not looked at the further scenes: their captions stand in.
        return {
            "latents": ((every.float() - mean) / std).half(),
            "mean": mean,
            "std": std,
            "seen": torch.cat([seen, F.normalize(said_further[further].mean(1), dim=1)]).half(),
            "said": torch.cat([said, said_further]).half(),
            "captions": torch.cat([which, further + len(said)]),
        }

    def _cached(self, name: str, make: Any) -> dict[str, Any]:
        path = self.cache / f"{name}.pt"
        if not path.exists():
            torch.save(make(), path)
        saved: dict[str, Any] = torch.load(path, weights_only=True)
        return saved


def _encode(vqgan: VQGAN, images: Tensor) -> Tensor:
    with torch.autocast(images.device.type, torch.bfloat16):
        return vqgan.encode(images.contiguous(memory_format=torch.channels_last)).half()
