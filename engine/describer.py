"""Describes an image: ranks phrases by their CLIP similarity to it, and combines them into prompts.

The method is that of the CLIP Interrogator (pharmapsychotic, 2022): starts with the best subjects,
then greedily adds phrases that make the whole text more similar. The phrases are in
`engine.phrases`.
"""

from collections.abc import Collection, Sequence
from functools import cached_property
from operator import itemgetter

import torch
from PIL import Image
from torch import Tensor

from core.description import MAX_DESCRIPTIONS, Description
from engine.models.perceptor import Perceptor
from engine.phrases import Draft, PhraseBank, Slot
from engine.synthesis.objective import centre_crop

CANDIDATES = 2 * MAX_DESCRIPTIONS
"""More than are shown, because some may be refused."""

SHORTLIST = 4
"""Phrases of a slot to try with each subject: those that are most similar on their own."""

MIN_GAIN = 0.02
"""How much a phrase must raise the similarity of a description to be added."""

TEXT_BATCH = 128  #: texts that are embedded at a time


class Describer:
    """Describes images with the phrases of one bank; caches embeddings. Its methods block."""

    def __init__(self, perceptor: Perceptor, bank: PhraseBank, device: torch.device) -> None:
        self._perceptor, self._bank, self._device = perceptor, bank, device

    @torch.no_grad()
    def describe(
        self, image: Image.Image, refused: Collection[str] = frozenset()
    ) -> list[Description]:
        """Up to CANDIDATES prompts, the most similar first, without the `refused` phrases."""
        features = self._perceptor.embed_images(
            centre_crop(image, self._perceptor.resolution).to(self._device)
        )[0]
        subjects, *others = self._embeddings
        best = _best(self._bank.subjects, subjects @ features, refused, CANDIDATES)
        shortlists = [
            (slot, _best(slot.phrases, embeddings @ features, refused, SHORTLIST))
            for slot, embeddings in zip(self._bank.slots, others, strict=True)
        ]
        found = [self._extend(Draft(subject), shortlists, features) for subject in best]
        return sorted(found, key=lambda each: each.similarity, reverse=True)

    def _extend(
        self, draft: Draft, shortlists: Sequence[tuple[Slot, Sequence[str]]], features: Tensor
    ) -> Description:
        """Adds each slot's best phrase to a draft, if that raises the similarity by MIN_GAIN."""
        (similarity,) = self._similarities([draft], features)
        for slot, phrases in shortlists:
            longer = [slot.add(draft, phrase) for phrase in phrases]
            scored = list(zip(self._similarities(longer, features), longer, strict=True))
            score, candidate = max(scored, key=itemgetter(0), default=(similarity, draft))
            if score >= similarity + MIN_GAIN:
                draft, similarity = candidate, score
        return Description(draft.prompt, round(similarity, 3))

    def _similarities(self, drafts: Sequence[Draft], features: Tensor) -> list[float]:
        if not drafts:
            return []
        texts = self._perceptor.embed_texts([draft.caption for draft in drafts])
        similarities: list[float] = (texts.float() @ features.float()).tolist()
        return similarities

    @cached_property
    def _embeddings(self) -> list[Tensor]:
        """The embeddings of the subjects, and of each slot's phrases without a subject."""
        lists = [self._bank.subjects, *(slot.phrases for slot in self._bank.slots)]
        return [self._embed(phrases) for phrases in lists]

    def _embed(self, phrases: Sequence[str]) -> Tensor:
        texts = [phrase.replace("{}", "").strip() for phrase in phrases]
        batches = [texts[i : i + TEXT_BATCH] for i in range(0, len(texts), TEXT_BATCH)]
        return torch.cat([self._perceptor.embed_texts(batch).float() for batch in batches])


def _best(
    phrases: Sequence[str], similarities: Tensor, refused: Collection[str], count: int
) -> list[str]:
    """The `count` most similar phrases that are not refused."""
    order = similarities.argsort(descending=True).tolist()
    return [phrases[i] for i in order if phrases[i] not in refused][:count]
