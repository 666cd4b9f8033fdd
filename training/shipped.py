"""The shipped weights as states of the stages that made them.

They let a stage be trained further, or alone, without the checkpoints of the original training.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from engine.models.catalogue import find
from engine.models.int8 import expand

WEIGHTS = find("picturebook").folder(Path())
TOKENS = "clip.token_embedding.weight"
TRAINING_ONLY = {"uses"}
"""Buffers that are not shipped: how often each code is used."""


def load_shipped(module: nn.Module, stage: str) -> None:
    """Loads the shipped weights into a stage's module. Raises ValueError if they do not fit.

    Tokens that the shipped text tower does not know keep their initial embeddings. Word vectors are
    trained from scratch: the file only has their principal components.
    """
    if stage == "word_vectors":
        return
    state = shipped_state(stage)
    if stage == "text_tower":
        state = _with_more_tokens(state, module.state_dict())
    missing, unexpected = module.load_state_dict(state, strict=False)
    if unexpected or not TRAINING_ONLY.issuperset(missing):
        raise ValueError(f"the shipped weights do not fit {stage}: {[*missing, *unexpected]}")


def shipped_state(stage: str) -> dict[str, Tensor]:
    """The state of a stage's module, except what only training needs.

    Raises FileNotFoundError if the weights are missing.
    """
    match stage:
        case "vqgan" | "decoder":
            return _named("vqgan.", _read(WEIGHTS / "vqgan.safetensors"))
        case "text_tower":
            clip = _read(WEIGHTS / "clip.safetensors")
            rows, known = clip.pop("token_embedding.rows"), clip.pop("token_embedding.ids")
            clip = {name: value for name, value in clip.items() if not name.startswith("visual.")}
            clip[TOKENS.removeprefix("clip.")] = torch.cat([rows.new_zeros(1, rows.shape[1]), rows])
            return {"known": known, **_named("clip.", clip)}
        case "upscaler":
            return _named("upscaler.", _read(WEIGHTS / "upscaler.safetensors"))
        case "image_tower":
            clip = _read(WEIGHTS / "clip.safetensors")
            parts = ((name.partition("visual.")[2], value) for name, value in clip.items())
            return {name: value for name, value in parts if name}
        case "prior":
            prior = _read(WEIGHTS / "prior.safetensors")
            return {**_named("prior.", prior), **_named("ema.", prior)}
        case _:
            raise ValueError(f"{stage!r} is no stage")


def _with_more_tokens(state: dict[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A text tower's state with the token table of another one, and the rows that both have."""
    if TOKENS not in own:
        return state
    known, table = own["known"], own[TOKENS].clone()
    shared = torch.isin(known, state["known"])
    rows = torch.searchsorted(state["known"], known[shared])
    table[1:][shared] = state[TOKENS][1:][rows]
    return {**state, "known": known, TOKENS: table}


def _read(path: Path) -> dict[str, Tensor]:
    """Tensors by name, floating-point ones in float32."""
    state = expand(load_file(path))
    return {n: value.float() if value.is_floating_point() else value for n, value in state.items()}


def _named(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in state.items()}
