"""A model ready for use: the VQGAN that decodes images, and the perceptor that guides them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch
from torch import nn

from core.settings import OWN, PerceptorChoice
from core.understanding.vocabulary import vocabulary_of
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
    """`side`: pixels on each side of an image unless the recipe says otherwise.

    `words` are the words the model was trained on, None when it takes any. `checksums` are the
    SHA-256 of its files by name, to be kept with each image; of several perceptors, the name says
    what share of the weight each has. `prior` samples images for the model's own CLIP.
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
    """A model of the catalogue, in float32, frozen, on the device.

    With `perceptors` instead of its own CLIP where any are named. Raises WeightsError: one sentence
    that says what is missing or damaged, and the command that repairs it.
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
    """As `load_model`, from a folder of the caller's choice.

    `external` says where the weights of open_clip's models are, by the names of the perceptors, if
    not where open_clip itself keeps them.
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
        checksums[entry.prior] = files[entry.prior]
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
    """The chosen perceptors as one, on the CPU, and the checksum of each one's weights.

    `files` are the checksums of the model's files; `external` is as for `read_model`.
    """
    members: list[ClipPerceptor | OpenClipPerceptor] = []
    checksums = {}
    total = sum(choice.weight for choice in choices)
    for choice in choices:
        if model := choice.of_open_clip:
            member, checksum = read_open_clip(*model, external.get(choice.name))
            members.append(member)
            # Of a file the name alone, and no more than `media.Metadata` reads back.
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
