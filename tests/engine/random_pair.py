"""Models with random weights, in exactly the file formats of the real ones.

Their images are nonsense, but everything else can be tested: loading, sizes, gradients, speed.
"""

import hashlib
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import torch
from clip.model import CLIP, convert_weights
from omegaconf import OmegaConf
from safetensors.torch import save_file
from torch import Tensor

from engine.models.checkpoints import VOCAB_SIZE
from engine.models.perceptor import END, START, clip_tokenizer
from engine.models.prior import PixelPrior
from engine.models.vqgan import VQGAN

WORDS = (
    "a an and black blue circle green heart house moon of on red square star sun the triangle "
    "watermark white with yellow ,"
)

SKETCH_PARAMS: dict[str, Any] = {
    "embed_dim": 16,
    "n_embed": 256,
    "ddconfig": {
        "double_z": False,
        "z_channels": 32,
        "resolution": 64,
        "in_channels": 3,
        "out_ch": 3,
        "ch": 32,
        "ch_mult": [1, 1, 2],
        "num_res_blocks": 1,
        "attn_resolutions": [],
        "dropout": 0.0,
    },
}

IMAGENET_YAML = """\
model:
  base_learning_rate: 4.5e-06
  target: taming.models.vqgan.VQModel
  params:
    embed_dim: 256
    n_embed: 16384
    monitor: val/rec_loss
    ddconfig:
      double_z: false
      z_channels: 256
      resolution: 256
      in_channels: 3
      out_ch: 3
      ch: 128
      ch_mult:
      - 1
      - 1
      - 2
      - 2
      - 4
      num_res_blocks: 2
      attn_resolutions:
      - 16
      dropout: 0.0
    lossconfig:
      target: taming.modules.losses.vqperceptual.VQLPIPSWithDiscriminator
      params:
        disc_conditional: false
        disc_in_channels: 3
        disc_start: 0
        disc_weight: 0.75
        disc_num_layers: 2
        codebook_weight: 1.0

"""
"""taming's `model.yaml` of the VQGAN f16 with 16,384 codes, verbatim."""

GUMBEL_YAML = """\
model:
  base_learning_rate: 4.5e-06
  target: taming.models.vqgan.GumbelVQ
  params:
    kl_weight: 1.0e-08
    embed_dim: 256
    n_embed: 8192
    monitor: val/rec_loss
    temperature_scheduler_config:
      target: taming.lr_scheduler.LambdaWarmUpCosineScheduler
      params:
        warm_up_steps: 0
        max_decay_steps: 1000001
        lr_start: 0.9
        lr_max: 0.9
        lr_min: 1.0e-06
    ddconfig:
      double_z: false
      z_channels: 256
      resolution: 256
      in_channels: 3
      out_ch: 3
      ch: 128
      ch_mult:
      - 1
      - 1
      - 2
      - 4
      num_res_blocks: 2
      attn_resolutions:
      - 32
      dropout: 0.0
    lossconfig:
      target: taming.modules.losses.vqperceptual.DummyLoss
"""
"""The `model.yaml` of the VQGAN f8 with 8,192 Gumbel codes, verbatim."""

COCO_YAML = """\
model:
  base_learning_rate: 4.5e-06
  target: taming.models.vqgan.VQModel
  params:
    embed_dim: 256
    n_embed: 8192
    ddconfig:
      double_z: false
      z_channels: 256
      resolution: 256
      in_channels: 3
      out_ch: 3
      ch: 128
      ch_mult:
      - 1
      - 1
      - 2
      - 2
      - 4
      num_res_blocks: 2
      attn_resolutions:
      - 16
      dropout: 0.0
    lossconfig:
      target: taming.modules.losses.DummyLoss
"""
"""The YAML of the VQGAN for COCO, verbatim from its mirrors."""


def random_sketch(folder: Path, seed: int = 0) -> Path:
    """Writes a model as the training's export does, but small; returns `folder`.

    Read it with `read_model(catalogue.find("sketch"), folder, device)`. It knows only the
    words in WORDS.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        vqgan = VQGAN(**SKETCH_PARAMS).state_dict()
        clip = random_sketch_clip().state_dict()
    target = "taming.models.vqgan.VQModel"
    OmegaConf.save({"model": {"target": target, "params": SKETCH_PARAMS}}, folder / "vqgan.yaml")
    save_file(_half(vqgan), folder / "vqgan.safetensors")
    known = {token for word in WORDS.split() for token in clip_tokenizer().encode(word)}
    ids = torch.tensor([*sorted(known), START, END])
    clip["token_embedding.ids"] = ids
    clip["token_embedding.rows"] = clip.pop("token_embedding.weight")[ids]
    save_file(_half(clip), folder / "clip.safetensors", metadata={"words": WORDS})
    shape = {
        "embedding": 256,
        "width": 32,
        "depth": 1,
        "heads": 1,
        "condition_width": 8,
        "condition_tokens": 2,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        prior = _half(PixelPrior(**shape).state_dict())
    metadata = {name: str(size) for name, size in shape.items()}
    save_file(prior, folder / "prior.safetensors", metadata=metadata)
    names = ("vqgan.yaml", "vqgan.safetensors", "clip.safetensors", "prior.safetensors")
    sums = [f"{hashlib.sha256((folder / n).read_bytes()).hexdigest()}  {n}\n" for n in names]
    (folder / "SHA256SUMS").write_text("".join(sums))
    return folder


def random_imagenet(folder: Path, seed: int = 0) -> Path:
    """Writes the full-size model as taming and OpenAI publish it (0.7 GB); returns `folder`.

    If `folder` is `DATA_DIR / "weights" / "imagenet"`, it loads as the model `imagenet`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.yaml").write_text(IMAGENET_YAML)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        params: Any = OmegaConf.to_container(OmegaConf.create(IMAGENET_YAML).model.params)
        write_lightning_checkpoint(params, folder / "last.ckpt")
        clip = _random_clip(224, 12, 768, 32, 512, 512, 12)
        convert_weights(clip)
        write_torchscript(clip, folder / "ViT-B-32.pt")
    return folder


def write_lightning_checkpoint(
    params: dict[str, Any], path: Path, gumbel: bool = False, **extra: Any
) -> None:
    """Writes a checkpoint like those that Lightning 1.0 saves for taming's VQModel or GumbelVQ.

    It has the states of two optimisers and one callback.
    """
    vqgan = VQGAN(params["ddconfig"], params["embed_dim"], params["n_embed"], gumbel)
    state = vqgan.state_dict()
    loss_state = {
        "loss.perceptual_loss.scaling_layer.shift": torch.rand(1, 3, 1, 1),
        "loss.perceptual_loss.net.slice1.0.weight": torch.rand(64, 3, 3, 3),
        "loss.discriminator.main.0.weight": torch.rand(64, 3, 4, 4),
        "loss.discriminator.main.3.num_batches_tracked": torch.tensor(7),
    }
    score = torch.tensor(0.5)
    best = {"best_model_score": score, "best_model_path": "last.ckpt", "current_score": score}
    checkpoint = {
        "epoch": 11,
        "global_step": 234_567,
        "pytorch-lightning_version": "1.0.8",
        "callbacks": {ModelCheckpoint: best},
        "optimizer_states": [_adam_state(state), _adam_state(loss_state)],
        "lr_schedulers": [],
        "state_dict": state | loss_state,
        **extra,
    }
    _save_as_lightning(checkpoint, path)


def write_transformer_checkpoint(params: dict[str, Any], path: Path) -> None:
    """Writes a checkpoint like those that Lightning 1.0 saves for taming's Net2NetTransformer.

    The VQGAN is its first stage. Its conditioning stage may be another VQGAN, of another shape.
    """
    vqgan = VQGAN(params["ddconfig"], params["embed_dim"], params["n_embed"])
    state = {f"first_stage_model.{name}": value for name, value in vqgan.state_dict().items()}
    others = {
        "transformer.tok_emb.weight": torch.rand(8, 4),
        "cond_stage_model.quantize.embedding.weight": torch.rand(2, 3),
        "first_stage_model.loss.logvar": torch.rand(()),
    }
    write_lightning_checkpoint(params, path, state_dict=state | others)


class ModelCheckpoint:
    """Stands in for Lightning's class, the key of the callback's state in its checkpoints."""


def _save_as_lightning(checkpoint: dict[str, Any], path: Path) -> None:
    """Saves a checkpoint as Lightning would: pickle stores only the name of a class."""
    name = "pytorch_lightning.callbacks.model_checkpoint"
    module = ModuleType(name)
    module.ModelCheckpoint = ModelCheckpoint  # type: ignore[attr-defined]
    parents = {
        parent: ModuleType(parent) for parent in ("pytorch_lightning", name.rpartition(".")[0])
    }
    with (
        patch.dict(sys.modules, parents | {name: module}),
        patch.object(ModelCheckpoint, "__module__", name),
    ):
        torch.save(checkpoint, path)


def _adam_state(state: dict[str, Tensor]) -> dict[str, Any]:
    """Adam's state for these tensors, made of expanded zeros that take no space on disk."""

    def moments(like: Tensor) -> dict[str, Any]:
        zeros = torch.zeros(()).expand(like.shape)
        return {"step": 9, "exp_avg": zeros, "exp_avg_sq": zeros}

    groups = {"lr": 5.4e-5, "betas": (0.5, 0.9), "eps": 1e-8, "params": list(range(len(state)))}
    states = {index: moments(value) for index, value in enumerate(state.values())}
    return {"state": states, "param_groups": [groups]}


def write_torchscript(clip: CLIP, path: Path) -> None:
    """Writes an archive like OpenAI's: traced, with three numbers as buffers."""
    side = clip.visual.input_resolution
    for name, number in (
        ("input_resolution", side),
        ("context_length", 77),
        ("vocab_size", VOCAB_SIZE),
    ):
        if hasattr(clip, name):
            delattr(clip, name)
        clip.register_buffer(name, torch.tensor(number))
    image, text = torch.rand(1, 3, side, side), torch.tensor([[START, END] + [0] * 75])
    inputs = {"forward": (image, text), "encode_image": image, "encode_text": text}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing is deprecated, but published that way
        archive = torch.jit.trace_module(clip, inputs, check_trace=False)
        torch.jit.save(archive, path)


def random_sketch_clip() -> CLIP:
    """The architecture of the small CLIP: a ModifiedResNet for images of 64 × 64."""
    return _random_clip(64, (1, 2, 2, 1), 24, None, 256, 128, 3)


def _random_clip(
    side: int, layers: Any, width: int, patch: int | None, embed: int, text: int, depth: int
) -> CLIP:
    heads = text // 64
    clip = CLIP(embed, side, layers, width, patch, 77, VOCAB_SIZE, text, heads, depth)
    return clip.eval().requires_grad_(False)


def _half(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {n: (v.half() if v.is_floating_point() else v).contiguous() for n, v in state.items()}
