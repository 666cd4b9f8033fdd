"""A small open_clip model with random weights, in the file format of published ones."""

import json
from pathlib import Path

import open_clip
import torch
from safetensors.torch import save_file

ARCHITECTURE = "ViT-tiny-for-tests"
RESOLUTION = 32


def random_open_clip(folder: Path, seed: int = 0) -> Path:
    """Registers the architecture with open_clip and writes the weights; returns their file."""
    config = {
        "embed_dim": 24,
        "vision_cfg": {
            "image_size": RESOLUTION,
            "layers": 1,
            "width": 32,
            "head_width": 16,
            "patch_size": 16,
        },
        "text_cfg": {
            "context_length": 12,
            "vocab_size": 49_408,
            "width": 16,
            "heads": 2,
            "layers": 1,
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{ARCHITECTURE}.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder / f"{ARCHITECTURE}.json")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        state = open_clip.create_model(ARCHITECTURE).state_dict()
    save_file(
        {name: value.contiguous() for name, value in state.items()}, folder / "tiny.safetensors"
    )
    return folder / "tiny.safetensors"
