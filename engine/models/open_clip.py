"""open_clip's models as perceptors. Needs the extra `[openclip]`.

Source of the models: open_clip (Cherti et al., "Reproducible scaling laws for contrastive
language-image learning", 2023). A model is identified by its architecture and a tag of published
weights, which open_clip downloads into its own cache.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.storage.files import sha256
from engine.models.catalogue import WeightsError


class OpenClipPerceptor(nn.Module):
    """An open_clip model: frozen, float32, accepts any words."""

    def __init__(self, clip: nn.Module, tokenizer: Any, preprocessing: dict[str, Any]) -> None:
        """`preprocessing`: open_clip's `size` (pixels), `mean` and `std` (of red, green, blue)."""
        super().__init__()
        self.clip: Any = clip.float().eval().requires_grad_(False)
        size = preprocessing["size"]
        height, width = (size, size) if isinstance(size, int) else size
        if height != width:
            raise ValueError(f"its images are {width}x{height}, not square")
        self.resolution: int = height
        self.words: frozenset[str] | None = None
        for name in ("mean", "std"):
            values = torch.tensor(preprocessing[name]).view(3, 1, 1)
            self.register_buffer(name, values, persistent=False)
        self.mean: Tensor
        self.std: Tensor
        self._tokenizer = tokenizer

    @property
    def image_encoders(self) -> list[nn.Module]:
        """The image encoder."""
        return [self.clip.visual]

    def embed_images(self, cutouts: Tensor) -> Tensor:
        """(n, 3, resolution, resolution) from 0 to 1 → (n, d); the gradient passes through."""
        features: Tensor = self.clip.encode_image((cutouts - self.mean) / self.std)
        return F.normalize(features.float(), dim=-1)

    @torch.no_grad()
    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """n texts → (n, d). Texts are truncated to the model's context."""
        embedded: Tensor = self.clip.encode_text(self._tokens(texts))
        return F.normalize(embedded.float(), dim=-1)

    def truncated_words(self, text: str) -> list[str]:
        """The words that are truncated from the end of a long text."""
        words = text.split()
        prefixes = self._tokens([" ".join(words[:count]) for count in range(len(words) + 1)])
        same = (prefixes == prefixes[-1]).all(dim=1)
        return words[int(same.int().argmax()) :]

    def knows(self, text: str) -> bool:
        return True

    def unknown_words(self, text: str) -> list[str]:
        return []

    def _tokens(self, texts: Sequence[str]) -> Tensor:
        tokens: Tensor = self._tokenizer(list(texts))
        return tokens.to(self.mean.device)


def find_open_clip(architecture: str, pretrained: str) -> Path:
    """The path of a model's weights on this machine.

    `pretrained` is one of open_clip's tags, whose weights are downloaded on first use, or the path
    of a file. Raises WeightsError.
    """
    try:
        import open_clip
        from open_clip.pretrained import download_pretrained
    except ImportError as error:
        raise WeightsError(
            "Perceptors from open_clip need the extra openclip: install it with "
            "`pip install --require-hashes -r constraints.txt`, or change PERCEPTORS."
        ) from error
    with _reading(architecture, pretrained):
        published = open_clip.get_pretrained_cfg(architecture, pretrained)
        path = Path(download_pretrained(published) if published else pretrained)
        if not path.is_file():
            raise FileNotFoundError(f"{pretrained} is neither a known tag nor a file")
        return path


def read_open_clip(
    architecture: str, pretrained: str, weights: Path | None = None
) -> tuple[OpenClipPerceptor, str]:
    """Loads an open_clip model on the CPU; returns it with the SHA-256 of its weights.

    `weights` is their path; by default, `find_open_clip` finds it. Raises WeightsError.
    """
    weights = weights or find_open_clip(architecture, pretrained)
    import open_clip

    with _reading(architecture, pretrained):
        published = open_clip.get_pretrained_cfg(architecture, pretrained)
        # A file alone lacks settings that belong to a tag, such as how images are normalised.
        normalised = {key: published[key] for key in ("mean", "std") if key in published}
        clip = open_clip.create_model(
            architecture,
            str(weights),
            force_quick_gelu=published.get("quick_gelu", False),
            force_preprocess_cfg=normalised,
            weights_only=True,
        )
        perceptor = OpenClipPerceptor(
            clip,
            open_clip.get_tokenizer(architecture),
            open_clip.get_model_preprocess_cfg(clip),
        )
        return perceptor, sha256(weights)


@contextmanager
def _reading(architecture: str, pretrained: str) -> Iterator[None]:
    """Turns any error while reading or downloading weights into a WeightsError."""
    try:
        yield
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:300].rstrip(".")
        raise WeightsError(
            f"The perceptor open_clip/{architecture}/{pretrained} cannot be used: {reason}."
        ) from error
