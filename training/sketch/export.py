"""Exports the trained model in the engine's format, small enough for the repository.

`vqgan.yaml` and `vqgan.safetensors` hold taming's names, `clip.safetensors` OpenAI's, in float16;
`prior.safetensors` has the prior's shape in its metadata.
Only the trained rows of CLIP's token embeddings are kept, with their ids; the file's metadata has
the words that they spell.
"""

from pathlib import Path

import torch
from omegaconf import OmegaConf
from pytorch_lightning import LightningModule
from safetensors.torch import load_file, save_file
from torch import Tensor

from training.sketch.perceptor import PerceptorTraining
from training.sketch.prior import CONFIG as PRIOR
from training.sketch.prior import PriorTraining
from training.sketch.vocabulary import words_of_captions
from training.sketch.vqgan import CONFIG, VQGANTraining
from training.weight_files import half, part, write_checksums

TARGET = "taming.models.vqgan.VQModel"
FILES = ("vqgan.yaml", "vqgan.safetensors", "clip.safetensors", "prior.safetensors")


def export(runs: Path, folder: Path) -> None:
    """Exports the last checkpoints under `runs` to `folder`; keeps files without a checkpoint.

    Raises FileNotFoundError if there is neither.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (saved := runs / "vqgan" / "last.ckpt").exists():
        OmegaConf.save({"model": {"target": TARGET, "params": CONFIG}}, folder / "vqgan.yaml")
        training = VQGANTraining()
        training.load_state_dict(_state(saved))
        save_file(half(training.vqgan.state_dict()), folder / "vqgan.safetensors")
    if state := clip_state(runs):
        perceptor = PerceptorTraining()
        perceptor.load_state_dict(state)
        clip = perceptor.clip.state_dict()
        table = clip.pop("token_embedding.weight")
        clip["token_embedding.rows"] = table[1:]
        clip["token_embedding.ids"] = torch.tensor(perceptor.vocabulary.known)
        words = {"words": " ".join(sorted(words_of_captions()))}
        save_file(half(clip), folder / "clip.safetensors", metadata=words)
    if (saved := runs / "prior" / "last.ckpt").exists():
        prior = part("prior.", _state(saved))
        shape = {name: str(size) for name, size in PRIOR.items()}
        save_file(half(prior), folder / "prior.safetensors", metadata=shape)
    write_checksums(folder, FILES)


def clip_state(runs: Path) -> dict[str, Tensor]:
    """The state of a PerceptorTraining from the newest checkpoint; empty if there is none.

    The stages perceptor, text_tower and joint write such checkpoints.
    """
    stages = {"perceptor": "", "text_tower": "perceptor.", "joint": ""}
    checkpoints = [
        checkpoint for stage in stages if (checkpoint := runs / stage / "last.ckpt").exists()
    ]
    if not checkpoints:
        return {}
    newest = max(checkpoints, key=lambda checkpoint: checkpoint.stat().st_mtime_ns)
    return part(stages[newest.parent.name], _state(newest))


def restore(training: LightningModule, folder: Path) -> None:
    """The reverse of `export`: loads exported weights from `folder` to continue training."""
    match training:
        case VQGANTraining():
            training.vqgan.load_state_dict(_read(folder / "vqgan.safetensors"))
            training.uses.fill_(1.0)  # its codebook is initialised
        case PerceptorTraining():
            clip = _read(folder / "clip.safetensors")
            rows, ids = clip.pop("token_embedding.rows"), clip.pop("token_embedding.ids").tolist()
            table = training.clip.token_embedding.weight.detach().clone()
            for row, token in enumerate(training.vocabulary.known, start=1):
                if token in ids:
                    table[row] = rows[ids.index(token)]
            training.clip.load_state_dict({**clip, "token_embedding.weight": table})
        case PriorTraining():
            training.prior.load_state_dict(_read(folder / "prior.safetensors"))


def _read(file: Path) -> dict[str, Tensor]:
    return {k: v.float() if v.is_floating_point() else v for k, v in load_file(file).items()}


def _state(checkpoint: Path) -> dict[str, Tensor]:
    state: dict[str, Tensor] = torch.load(checkpoint, weights_only=True)["state_dict"]
    return state
