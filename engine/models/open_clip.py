"""Any of open_clip's models as a perceptor, through the extra `[openclip]`.

Source of the models: the project open_clip (Cherti et al., "Reproducible scaling laws for
contrastive language-image learning", 2023), which names each by an architecture and a tag of
published weights. What a tag names is downloaded by open_clip into its own cache.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.models.catalogue import WeightsError


class OpenClipPerceptor(nn.Module):
    """Frozen, float32. It takes any word."""

    def __init__(self, clip: nn.Module, tokenizer: Any, preprocessing: dict[str, Any]) -> None:
        """`preprocessing`: open_clip's `size` (pixels), `mean` and `std` (of red, green, blue)."""
        super().__init__()
        self.clip: Any = clip.float().eval().requires_grad_(False)
        size = preprocessing["size"]
        height, width = (size, size) if isinstance(size, int) else size
        if height != width:
            raise ValueError(f"it looks at pictures of {width}x{height}, which are not square")
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
        """The network that looks at cutouts."""
        return [self.clip.visual]

    def embed_images(self, cutouts: Tensor) -> Tensor:
        """(n, 3, resolution, resolution) from 0 to 1 → (n, d); the gradient passes through."""
        seen: Tensor = self.clip.encode_image((cutouts - self.mean) / self.std)
        return F.normalize(seen.float(), dim=-1)

    @torch.no_grad()
    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """n texts → (n, d). What does not fit into the model's context is left out."""
        embedded: Tensor = self.clip.encode_text(self._tokens(texts))
        return F.normalize(embedded.float(), dim=-1)

    def truncated_words(self, text: str) -> list[str]:
        """The words at the end of a long text without which it has the same tokens."""
        words = text.split()
        beginnings = self._tokens([" ".join(words[:count]) for count in range(len(words) + 1)])
        same = (beginnings == beginnings[-1]).all(dim=1)
        return words[int(same.int().argmax()) :]

    def knows(self, text: str) -> bool:
        return True

    def unknown_words(self, text: str) -> list[str]:
        return []

    def _tokens(self, texts: Sequence[str]) -> Tensor:
        tokens: Tensor = self._tokenizer(list(texts))
        return tokens.to(self.mean.device)


def find_open_clip(architecture: str, pretrained: str) -> Path:
    """The file of a model's weights on this machine.

    `pretrained` is a tag of open_clip's, fetched when it is first asked for, or the path of a file.
    Raises WeightsError.
    """
    try:
        import open_clip
        from open_clip.pretrained import download_pretrained
    except ImportError as error:
        raise WeightsError(
            "Perceptors of open_clip need the extra openclip: install it with "
            "`pip install --require-hashes -r constraints.txt`, or change PERCEPTORS."
        ) from error
    with _refusing(architecture, pretrained):
        published = open_clip.get_pretrained_cfg(architecture, pretrained)
        path = Path(download_pretrained(published) if published else pretrained)
        if not path.is_file():
            raise FileNotFoundError(f"there is neither such a tag nor such a file as {pretrained}")
        return path


def read_open_clip(
    architecture: str, pretrained: str, weights: Path | None = None
) -> tuple[OpenClipPerceptor, str]:
    """A model of open_clip on the CPU, and the SHA-256 of its weights, of which no code is run.

    `weights` is where they are, if not where `find_open_clip` finds them. Raises WeightsError.
    """
    weights = weights or find_open_clip(architecture, pretrained)
    import open_clip

    with _refusing(architecture, pretrained):
        published = open_clip.get_pretrained_cfg(architecture, pretrained)
        # A file alone does not say what a tag does: how pictures were normalised, and more.
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
        with weights.open("rb") as file:
            return perceptor, hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _refusing(architecture: str, pretrained: str) -> Iterator[None]:
    """Turns whatever goes wrong with a file or a network into a WeightsError."""
    try:
        yield
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:300].rstrip(".")
        raise WeightsError(
            f"The perceptor open_clip/{architecture}/{pretrained} cannot be used: {reason}."
        ) from error
