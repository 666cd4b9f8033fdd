"""The data that the stages of training share, computed once and cached in one folder.

Each property computes its value on first use. Anything that takes longer than a minute is cached on
disk.
"""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.models.efficientnet_lite import EfficientNetLite2
from engine.models.vqgan import VQGAN
from training.data.captions import Captions
from training.data.concepts import LANGUAGES, Concept
from training.data.definitions import definitions, meanings, wordnet_texts
from training.data.images import LARGE_SIDE, Images, load_images
from training.data.pool import Pool, load_pool
from training.data.scenes import Scene, SceneMaker
from training.data.sources import STYLES, sources
from training.data.teachers import SentenceEncoder
from training.data.texts import (
    Pair,
    caption_pairs,
    name_pairs,
    stop_words,
    synonyms,
    with_typos,
    wordnet,
)
from training.data.vocabulary import shown_concepts, vocabulary
from training.stages.alignment import Alignment, recover_alignment, train_alignment
from training.stages.image_tower import Views, compute_views
from training.stages.prior import PriorData
from training.stages.upscaler import make_crops
from training.stages.word_vectors import count_words

log = logging.getLogger(__name__)

Reader = Callable[[list[str]], Tensor]
"""Texts → (n, WIDTH) of unit length."""

POOL = 30_000
"""Scenes with features of the ImageNet network, from which CLIP learns."""
TOWER_SCENES = 12_000
"""Random scenes from which the image tower learns, besides every image on white."""
PLAIN_COPIES = 2
"""How often it gets every image on white, each time in other cutouts."""
PRIOR_SCENES = {
    "on_colour": 12_000, "recoloured": 7_000, "centred_in_landscape": 7_000, "drawn": 6_000,
    "shape": 1_500,
}  # fmt: skip
"""Scenes of each kind from which the prior learns, besides every image on white."""
PRIOR_SHARES = {
    "plain": 0.67, "on_colour": 0.05, "recoloured": 0.09, "centred_in_landscape": 0.03,
    "drawn": 0.11, "shape": 0.05,
}  # fmt: skip
"""The share of each kind in the prior's training."""
CLIP_ART, WELL_SHOWN, CLIP_ART_SHARE = "openclipart", 3, 0.3
"""All clip art of a thing that at least three other sets show counts as 0.3 images."""
TEXT_SCENES = 40_000
"""Scenes that are only captioned, for the text tower."""
CAPTIONS = 2
"""Captions of each scene."""
NEAR = 0.42
"""The text tower learns nouns of WordNet with a higher cosine than this to the nearest name."""
LONGEST_DEFINITION = 90
"""The maximum length of a definition, in characters."""
ENCODED = 60
"""Scenes in a batch of the VQGAN's encoder."""


@dataclass(frozen=True)
class Texts:
    """`pairs` (text, English) and the sentence encoder's `embeddings` of the English."""

    pairs: list[Pair]
    english: dict[str, int]
    embeddings: Tensor


class Workspace:
    """`cache` holds the data, `runs` the checkpoints of the stages.

    `reader` embeds texts with a text tower that is trained further; the common space is then that
    of the tower.
    """

    def __init__(self, cache: Path, runs: Path, reader: Reader | None = None) -> None:
        self.cache, self.runs, self.reader = cache, runs, reader

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
    def definitions(self) -> tuple[list[str], Tensor]:
        """Definitions of WordNet, and their sentence embeddings."""

        def make() -> dict[str, Any]:
            texts = definitions(self.cache, self.synsets)
            return {"texts": texts, "embeddings": self.encoder(texts).half()}

        saved = self._cached("definitions", make)
        return saved["texts"], saved["embeddings"].float()

    @cached_property
    def wordnet_texts(self) -> list[str]:
        """The lemmas and the definition of each synset of WordNet."""
        return wordnet_texts(self.cache)

    @cached_property
    def word_counts(self) -> Counter[str]:
        """The words that get a vector, and how many of WordNet's texts have them."""
        words = [word for thing in self.things for word in (thing.name, *thing.keywords["en"])]
        return count_words(self.wordnet_texts, words)

    @cached_property
    def things(self) -> list[Concept]:
        """The things that can be rendered."""
        return [self.images.concepts[i] for i in shown_concepts(self.images)]

    @cached_property
    def meanings(self) -> Tensor:
        """(things, SENTENCE_WIDTH): sentence embeddings of the things' meanings."""
        return self.encoder(meanings(self.things, self.synsets, self.encoder))

    @cached_property
    def pool_captions(self) -> tuple[Tensor, Tensor]:
        """Sentence embeddings (m, SENTENCE_WIDTH), and which of them (POOL, CAPTIONS) are right."""

        def make() -> dict[str, Tensor]:
            texts, which = self._caption(self.pool.scenes, Random("pool-captions"))
            return {"embeddings": self.encoder(texts).half(), "which": which}

        saved = self._cached("pool-captions", make)
        return saved["embeddings"].float(), saved["which"]

    def _caption(self, scenes: list[Scene], random: Random) -> tuple[list[str], Tensor]:
        """Captions in English, and which of them (scenes, CAPTIONS) are right of each scene."""
        texts = [
            [self.captions.caption(scene, random).english for _ in range(CAPTIONS)]
            for scene in scenes
        ]
        unique = {text: i for i, text in enumerate(sorted({t for row in texts for t in row}))}
        return list(unique), torch.tensor([[unique[text] for text in row] for row in texts])

    def single_concepts(self, scenes: list[Scene]) -> Tensor:
        """(scenes,): the concept of scenes that show one kind of thing, else -1."""
        return torch.tensor([self._single(scene) for scene in scenes])

    def _single(self, scene: Scene) -> int:
        shown = {int(self.images.concept[thing.image]) for thing in scene.things}
        return shown.pop() if len(shown) == 1 else -1

    @cached_property
    def alignment(self) -> Alignment:
        """The common space; trained on first use, which takes a few minutes."""
        name = "recovered-alignment.pt" if self.reader else "alignment.pt"
        alignment, saved = Alignment(), self.cache / name
        if saved.exists():
            alignment.load_state_dict(torch.load(saved, weights_only=True))
        elif self.reader:
            english = list(self.texts.english)
            reached = recover_alignment(alignment, self.texts.embeddings, self.reader(english))
            log.info("recovered the common space with a mean cosine of %.3f", reached)
            torch.save(alignment.state_dict(), saved)
        else:
            sentences, which = self.pool_captions
            features = torch.from_numpy(self.pool.features.copy()).float()
            concepts = self.single_concepts(self.pool.scenes)
            train_alignment(alignment, features, sentences, which, self.names, concepts)
            torch.save(alignment.state_dict(), saved)
        return alignment.eval().requires_grad_(False)

    @cached_property
    def tower_scenes(self) -> list[Scene]:
        """The scenes from which the image tower learns."""
        random, maker = Random("image-tower"), self.maker
        plain = [maker.plain(image) for image in maker.pool] * PLAIN_COPIES
        return [*plain, *(maker.scene(random) for _ in range(TOWER_SCENES))]

    @cached_property
    def tower_captions(self) -> tuple[list[str], Tensor]:
        """Texts, and which of them (scenes, CAPTIONS) are right of the image tower's scenes."""
        return self._caption(self.tower_scenes, Random("tower-captions"))

    def views(self, network: EfficientNetLite2, vqgan: VQGAN) -> Views:
        """This network's features of the image tower's scenes."""

        def make() -> dict[str, Tensor]:
            return asdict(compute_views(network, vqgan, self.maker, self.tower_scenes))

        return Views(**self._cached("tower-views", make))

    def vocabulary(self) -> dict[str, Any]:
        """The table of the vocabulary file."""
        english = self.texts.english
        lemmas = sorted({lemma for lemmas, _ in self.synsets for lemma in lemmas} & set(english))
        embedded = self.texts.embeddings[[english[lemma] for lemma in lemmas]]
        return vocabulary(self.images, lemmas, embedded, self.names, stop_words(self.cache))

    def prior_data(self, vqgan: VQGAN, embed_texts: Callable[[list[str]], Tensor]) -> PriorData:
        """Scenes as normalised latents of this VQGAN, captions as this text tower's embeddings."""
        scenes, weights = self.prior_scenes
        latents = self._cached("prior-latents", lambda: self._make_prior_latents(vqgan, scenes))
        captions = self._cached(
            "prior-said", lambda: self._make_prior_captions(embed_texts, scenes)
        )
        styles = torch.tensor([self._style(scene) for scene in scenes])
        return PriorData(
            **latents,
            text_embeddings=captions["said"],
            captions=captions["captions"],
            styles=styles,
            weights=torch.tensor(weights),
        )

    @cached_property
    def upscaling_crops(self) -> Tensor:
        """Parts of large scenes by the makers whose images are drawings, not pixels."""
        makers = tuple(s.name for s in sources().images if s.use == "train" and s.name != CLIP_ART)
        return make_crops(SceneMaker(load_images(self.cache, LARGE_SIDE), makers), seed=0)

    @torch.no_grad()
    def _make_prior_latents(self, vqgan: VQGAN, scenes: list[Scene]) -> dict[str, Tensor]:
        latents = []
        for start in range(0, len(scenes), ENCODED):
            drawn = np.stack([self.maker.draw(s) for s in scenes[start : start + ENCODED]])
            latents.append(_encode(vqgan, torch.from_numpy(drawn).movedim(-1, 1).float() / 255))
        every = torch.cat(latents).float()
        mean = every.mean((0, 2, 3)).view(-1, 1, 1)
        std = every.std((0, 2, 3)).view(-1, 1, 1)
        return {"latents": ((every - mean) / std).half(), "mean": mean, "std": std}

    def _make_prior_captions(
        self, embed_texts: Callable[[list[str]], Tensor], scenes: list[Scene]
    ) -> dict[str, Tensor]:
        random = Random("prior-captions")
        texts = [
            self.captions.caption(scene, random, language).text
            for scene in scenes
            for language in LANGUAGES
        ]
        unique = {text: i for i, text in enumerate(dict.fromkeys(texts))}
        captions = torch.tensor([unique[text] for text in texts]).view(len(scenes), -1)
        return {"said": embed_texts(list(unique)).half(), "captions": captions}

    @cached_property
    def prior_scenes(self) -> tuple[list[Scene], list[float]]:
        """Scenes without random placement, so that a caption has one right image.

        With the sampling weight of each.
        """
        random, maker = Random("prior"), self.maker
        by_kind = {"plain": [maker.plain(image) for image in maker.pool]}
        for kind, count in PRIOR_SCENES.items():
            by_kind[kind] = [getattr(maker, kind)(random) for _ in range(count)]
        scenes = [scene for kind in by_kind.values() for scene in kind]
        weights = self._plain_weights([scene.things[0].image for scene in by_kind["plain"]])
        scale = PRIOR_SHARES["plain"] / sum(weights)
        weights = [weight * scale for weight in weights]
        for kind in PRIOR_SCENES:
            weights += [PRIOR_SHARES[kind] / len(by_kind[kind])] * len(by_kind[kind])
        return scenes, weights

    def _plain_weights(self, shown: list[int]) -> list[float]:
        """Sampling weights of single images: each maker's image of a thing counts the same.

        Clip art counts little if sets in a uniform style show the same thing, or if no concept
        names it. People, who are many, count half.
        """
        images = self.images
        makers = [images.makers[images.maker[image]] for image in shown]
        concepts = [int(images.concept[image]) for image in shown]
        views = Counter(zip(concepts, makers, strict=True))
        sets = Counter(concept for concept, maker in views if maker != CLIP_ART)
        weights = []
        for concept, maker in zip(concepts, makers, strict=True):
            weight = 0.5 if concept >= 0 and images.concepts[concept].group == 1 else 1.0
            if concept < 0:
                weight = 0.2
            elif maker == CLIP_ART and sets[concept] >= WELL_SHOWN:
                weight *= CLIP_ART_SHARE / views[concept, maker]
            weights.append(weight)
        return weights

    def _style(self, scene: Scene) -> int:
        if scene.drawn:
            return len(STYLES) - 1
        return STYLES.index(self.images.makers[self.images.maker[scene.things[0].image]])

    def _cached(self, name: str, make: Any) -> dict[str, Any]:
        path = self.cache / f"{name}.pt"
        if not path.exists():
            torch.save(make(), path)
        saved: dict[str, Any] = torch.load(path, weights_only=True)
        return saved


def _encode(vqgan: VQGAN, images: Tensor) -> Tensor:
    with torch.autocast(images.device.type, torch.bfloat16):
        return vqgan.encode(images.contiguous(memory_format=torch.channels_last)).half()
