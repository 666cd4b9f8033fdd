"""Writes the trained networks as the engine reads them, small enough for a repository.

`vqgan.yaml` and `vqgan.safetensors` hold taming's names, `clip.safetensors` OpenAI's. Numbers are
float16, but large weights of CLIP and the prior take 8 bits. Of CLIP's token table only the trained
rows are kept, with their ids. `prior.safetensors` has the prior's shape in its metadata.
`upscaler.safetensors` is the upscaler. `core/understanding/vocabularies/` gets the words that the
bot understands, and word vectors.
"""

import json
from pathlib import Path

from omegaconf import OmegaConf
from safetensors.torch import save_file
from torch import Tensor

from core.understanding.vocabulary import FOLDER as VOCABULARIES
from engine.models.int8 import compress
from training.data.sources import sources
from training.pipeline import checkpoint
from training.stages import prior, vqgan, word_vectors
from training.weight_files import half, part, write_checksums
from training.workspace import Workspace

TARGET = "taming.models.vqgan.VQModel"
MIN_INT8_SIZE = 10_000
"""Weights of CLIP and the prior with this many numbers or more are stored in 8 bits."""
FILES = (
    "vqgan.yaml",
    "vqgan.safetensors",
    "clip.safetensors",
    "prior.safetensors",
    "upscaler.safetensors",
)


def export(workspace: Workspace, folder: Path) -> None:
    """Exports the last checkpoints to `folder`. Raises FileNotFoundError if one is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    made_from = {"trained_on": _attribution()}
    config = {"model": {"target": TARGET, "params": vqgan.CONFIG}}
    OmegaConf.save(config, folder / "vqgan.yaml")
    network = part("vqgan.", checkpoint(workspace, "decoder"))
    save_file(half(network), folder / "vqgan.safetensors", metadata=made_from)
    clip = compress(_clip(workspace), MIN_INT8_SIZE)
    save_file(half(clip), folder / "clip.safetensors", metadata=made_from)
    shape = {name: str(size) for name, size in prior.CONFIG.items()}
    weights = compress(part("ema.", checkpoint(workspace, "prior")), MIN_INT8_SIZE)
    save_file(half(weights), folder / "prior.safetensors", metadata=shape)
    export_upscaler(workspace, folder)
    _write_word_vectors(workspace, VOCABULARIES / f"{folder.name}.npz")
    words = json.dumps(workspace.vocabulary(), ensure_ascii=False, sort_keys=True)
    (VOCABULARIES / f"{folder.name}.json").write_text(words + "\n", encoding="utf-8")
    write_checksums(folder, FILES)


def export_upscaler(workspace: Workspace, folder: Path) -> None:
    """Exports the last checkpoint of the upscaler alone."""
    upscaler = part("upscaler.", checkpoint(workspace, "upscaler"))
    made_from = {"trained_on": _attribution()}
    save_file(half(upscaler), folder / "upscaler.safetensors", metadata=made_from)


def _write_word_vectors(workspace: Workspace, path: Path) -> None:
    """Writes the vectors if they were trained here; they can't be restored from the old file."""
    if not (workspace.runs / "word_vectors" / "last.ckpt").exists():
        return
    mean = workspace.definitions[1].mean(0)
    meanings = word_vectors.centred(workspace.meanings, mean)
    trained = checkpoint(workspace, "word_vectors")["vectors.weight"]
    english = dict(zip(workspace.word_counts, trained, strict=True))
    foreign = word_vectors.foreign_vectors(workspace.things, meanings, set(english))
    word_vectors.write(path, {**english, **foreign}, meanings)


def _clip(workspace: Workspace) -> dict[str, Tensor]:
    """Both towers under OpenAI's names, with a sparse token table."""
    text = checkpoint(workspace, "text_tower")
    known = text["known"]
    clip = part("clip.", text)
    image_tower = checkpoint(workspace, "image_tower")
    clip |= {f"visual.{name}": value for name, value in image_tower.items()}
    table = clip.pop("token_embedding.weight")
    return {**clip, "token_embedding.rows": table[1:], "token_embedding.ids": known}


def _attribution() -> str:
    return "; ".join(
        f"{image_set.attribution} ({image_set.licence})"
        for image_set in sources().images
        if image_set.use == "train"
    )
