"""A pair ready for use: the VQGAN that paints, and the perceptor that judges."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch

from core.settings import PerceptorChoice
from engine.models import catalogue, weights
from engine.models.catalogue import Entry
from engine.models.checkpoints import read_prior, read_vqgan
from engine.models.ensemble import Ensemble
from engine.models.open_clip import OpenClipPerceptor, read_open_clip
from engine.models.optimized_decoder import compile_for_gpu, optimize_decoder
from engine.models.perceptor import ClipPerceptor, Perceptor, read_perceptor
from engine.models.prior import Prior
from engine.models.vqgan import VQGAN


@dataclass(frozen=True, slots=True)
class Model:
    """`side`: pixels on each side of a picture unless the recipe says otherwise.

    `words` are the words the pair was taught, None when it takes any; `checksums` are the SHA-256
    of its files by name, to be kept with what it paints. Of several perceptors, the name says what
    share of the judgement each has. `prior` draws beginnings
    for the pair's own CLIP, and leads pictures on their way.
    """

    name: str
    vqgan: VQGAN
    perceptor: Perceptor
    side: int
    words: frozenset[str] | None
    checksums: dict[str, str]
    prior: Prior | None = None


def load_model(
    name: str,
    data_dir: Path,
    device: torch.device,
    perceptors: Sequence[PerceptorChoice] = (),
) -> Model:
    """A pair of the catalogue, in float32, frozen, on the device.

    Judged by `perceptors` instead of its own CLIP where any are named. Raises WeightsError: one
    sentence that says what is missing or damaged and what mends it.
    """
    entry = catalogue.find(name)
    return read_model(entry, entry.folder(data_dir), device, perceptors)


def read_model(
    entry: Entry,
    folder: Path,
    device: torch.device,
    perceptors: Sequence[PerceptorChoice] = (),
    judges: Mapping[str, Path] = MappingProxyType({}),
) -> Model:
    """As `load_model`, from a folder of the caller's choice.

    `judges` says where the weights of open_clip's models are, by the names of the perceptors, if
    not where open_clip itself keeps them.
    """
    checksums = weights.checksums(entry, folder)
    prior = None
    if entry.prior and any(choice.of_open_clip for choice in perceptors):
        del checksums[entry.prior]  # it draws from the embeddings of the pair's own CLIP
    elif entry.prior:
        prior = read_prior(folder / entry.prior, entry.mend).to(device)
    vqgan = read_vqgan(folder / entry.config, folder / entry.vqgan, entry.mend)
    optimize_decoder(vqgan.decoder)
    perceptor: Perceptor
    if perceptors:
        own = folder / entry.clip, checksums.pop(entry.clip)
        perceptor, judged_by = _chosen(perceptors, *own, entry.mend, device, judges)
        checksums |= judged_by
    else:
        perceptor = read_perceptor(folder / entry.clip, entry.mend).to(device)
    vqgan = vqgan.to(device)
    if device.type == "cuda":
        compile_for_gpu(vqgan.decoder, *perceptor.image_encoders)
    return Model(
        name=entry.name,
        vqgan=vqgan,
        perceptor=perceptor,
        side=entry.side,
        words=perceptor.words,
        checksums=checksums,
        prior=prior,
    )


def _chosen(
    choices: Sequence[PerceptorChoice],
    clip: Path,
    sha256: str,
    mend: str,
    device: torch.device,
    judges: Mapping[str, Path],
) -> tuple[Perceptor, dict[str, str]]:
    """The host's choice as one perceptor, and its checksums; `clip` is the pair's own."""
    members: list[tuple[Perceptor, float]] = []
    perceptor: OpenClipPerceptor | ClipPerceptor
    checksums = {}
    total = sum(choice.weight for choice in choices)
    for choice in choices:
        if model := choice.of_open_clip:
            perceptor, checksum = read_open_clip(*model, judges.get(choice.name))
            # Of a file the name alone, and no more than `media.Metadata` reads back.
            name = f"open_clip/{model[0]}/{Path(model[1]).name[-40:]}"
        else:
            perceptor, checksum, name = read_perceptor(clip, mend), sha256, clip.name
        share = f" (share {choice.weight / total:.3g})" if len(choices) > 1 else ""
        members.append((perceptor.to(device), choice.weight))
        checksums[name + share] = checksum
    return (members[0][0] if len(members) == 1 else Ensemble(members)), checksums
