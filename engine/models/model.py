"""A loaded model: the VQGAN, the perceptor that guides its images, and the prior if it has one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch
from torch import nn

from core.settings import OWN, PerceptorChoice
from core.understanding.vocabulary import vocabulary_of
from engine.device import precision
from engine.models import catalogue, weights
from engine.models.catalogue import Entry
from engine.models.checkpoints import read_prior, read_vqgan
from engine.models.ensemble import Ensemble
from engine.models.open_clip import OpenClipPerceptor, read_open_clip
from engine.models.optimized_decoder import compile_for_gpu, optimize_decoder
from engine.models.perceptor import ClipPerceptor, Perceptor, read_perceptor
from engine.models.prior import LatentPrior, Prior
from engine.models.vqgan import VQGAN


@dataclass(frozen=True, slots=True)
class Model:
    """The networks of a model, and what has to be known about them.

    `side` is the default width and height of an image in pixels. `words` are the words that the
    model was trained on; None if it accepts any. `checksums` maps the names of its files to their
    SHA-256, for the metadata of images; with several perceptors, the names include each one's share
    of the weight. `prior` samples images for the model's own CLIP.
    """

    name: str
    vqgan: VQGAN
    perceptor: Perceptor
    side: int
    words: frozenset[str] | None
    checksums: dict[str, str]
    prior: Prior | None = None

    def to(self, device: torch.device) -> None:
        """Moves all networks."""
        self.vqgan.drop_periodic_decoders()
        for network in (self.vqgan, self.perceptor, self.prior):
            if isinstance(network, nn.Module):
                network.to(device)


def load_model(
    name: str,
    data_dir: Path,
    device: torch.device,
    perceptors: Sequence[PerceptorChoice] = (),
) -> Model:
    """Loads a model of the catalogue onto the device, frozen.

    Weights are float32, except those of a `LatentPrior`, which have the device's `precision`.

    `perceptors`, if any, replace its own CLIP. Raises WeightsError, whose sentence says what is
    missing or damaged, and which command repairs it.
    """
    entry = catalogue.find(name)
    return read_model(entry, entry.folder(data_dir), device, perceptors)


def read_model(
    entry: Entry,
    folder: Path,
    device: torch.device,
    perceptors: Sequence[PerceptorChoice] = (),
    external: Mapping[str, Path] = MappingProxyType({}),
) -> Model:
    """Like `load_model`, but from a given folder.

    `external` maps names of open_clip perceptors to their weights; by default, open_clip's own
    cache is used.
    """
    files = weights.checksums(entry, folder)
    choices = perceptors or [PerceptorChoice(OWN, 1.0)]
    perceptor, perceptor_checksums = load_perceptors(choices, entry, folder, files, external)
    perceptor = perceptor.to(device)
    checksums = {name: files[name] for name in (entry.config, entry.vqgan)} | perceptor_checksums
    vqgan = read_vqgan(folder / entry.config, folder / entry.vqgan, entry.fix_command)
    optimize_decoder(vqgan.decoder)
    vqgan = vqgan.to(device)
    prior = None
    # The prior is conditioned on the embeddings of the model's own CLIP.
    if entry.prior and all(choice.name == OWN for choice in choices):
        prior = read_prior(folder / entry.prior, entry.fix_command).to(device)
        if isinstance(prior, LatentPrior):
            prior.convert_weights(precision(device))
        checksums[entry.prior] = files[entry.prior]
    if entry.upscaler:
        checksums[entry.upscaler] = files[entry.upscaler]
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


def load_perceptors(
    choices: Sequence[PerceptorChoice],
    entry: Entry,
    folder: Path,
    files: Mapping[str, str],
    external: Mapping[str, Path],
) -> tuple[ClipPerceptor | OpenClipPerceptor | Ensemble, dict[str, str]]:
    """Loads the chosen perceptors as one, on the CPU; also returns the checksums of their weights.

    `files` maps the model's files to their checksums; `external` is as in `read_model`.
    """
    members: list[ClipPerceptor | OpenClipPerceptor] = []
    checksums = {}
    total = sum(choice.weight for choice in choices)
    for choice in choices:
        if model := choice.open_clip_model:
            member, checksum = read_open_clip(*model, external.get(choice.name))
            members.append(member)
            # A file's name without its folder, no longer than `media.Metadata` accepts.
            name = f"open_clip/{model[0]}/{Path(model[1]).name[-40:]}"
        else:
            vocabulary = vocabulary_of(entry.name)
            members.append(read_perceptor(folder / entry.clip, entry.fix_command, vocabulary))
            name, checksum = entry.clip, files[entry.clip]
        share = f" (share {choice.weight / total:.3g})" if len(choices) > 1 else ""
        checksums[name + share] = checksum
    if len(members) == 1:
        return members[0], checksums
    weighted = zip(members, (choice.weight for choice in choices), strict=True)
    return Ensemble(list(weighted)), checksums
