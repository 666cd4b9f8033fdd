"""Describes an image: ranks phrases by their CLIP similarity to it, and puts prompts together.

The idea is the CLIP interrogator's (pharmapsychotic, 2022): the best subjects first, then greedily
whatever makes the whole text more similar. The banks are in `engine.phrases`.
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
"""Candidates, of which some may be refused."""

SHORTLIST = 4
"""Phrases of a slot that are tried with each subject: the best ones on their own."""

MIN_GAIN = 0.02
"""How much a phrase must raise the similarity of a description to be added."""

TEXT_BATCH = 128  #: texts that are embedded at a time


class Describer:
    """Describes images in the phrases of one bank, whose embeddings it keeps. Its methods block."""

    def __init__(self, perceptor: Perceptor, bank: PhraseBank, device: torch.device) -> None:
        self._perceptor, self._bank, self._device = perceptor, bank, device

    @torch.no_grad()
    def describe(
        self, image: Image.Image, refused: Collection[str] = frozenset()
    ) -> list[Description]:
        """Up to CANDIDATES prompts, the most similar first, without the `refused` phrases."""
        seen = self._perceptor.embed_images(
            centre_crop(image, self._perceptor.resolution).to(self._device)
        )[0]
        subjects, *others = self._embeddings
        best = _best(self._bank.subjects, subjects @ seen, refused, CANDIDATES)
        shortlists = [
            (slot, _best(slot.phrases, embeddings @ seen, refused, SHORTLIST))
            for slot, embeddings in zip(self._bank.slots, others, strict=True)
        ]
        found = [self._extended(Draft(subject), shortlists, seen) for subject in best]
        return sorted(found, key=lambda each: each.similarity, reverse=True)

    def _extended(
        self, draft: Draft, shortlists: Sequence[tuple[Slot, Sequence[str]]], seen: Tensor
    ) -> Description:
        """A draft with the phrase of each slot that raises its similarity, if any does."""
        (similarity,) = self._similarities([draft], seen)
        for slot, phrases in shortlists:
            longer = [slot.add(draft, phrase) for phrase in phrases]
            scored = list(zip(self._similarities(longer, seen), longer, strict=True))
            score, candidate = max(scored, key=itemgetter(0), default=(similarity, draft))
            if score >= similarity + MIN_GAIN:
                draft, similarity = candidate, score
        return Description(draft.prompt, round(similarity, 3))

    def _similarities(self, drafts: Sequence[Draft], seen: Tensor) -> list[float]:
        if not drafts:
            return []
        texts = self._perceptor.embed_texts([draft.caption for draft in drafts])
        similarities: list[float] = (texts.float() @ seen.float()).tolist()
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
    phrases: Sequence[str], similarities: Tensor, refused: Collection[str], most: int
) -> list[str]:
    """The most similar phrases, without the refused ones."""
    order = similarities.argsort(descending=True).tolist()
    return [phrases[i] for i in order if phrases[i] not in refused][:most]
