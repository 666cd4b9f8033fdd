"""What we use of OpenAI's package: its networks and its tokenizer, without the rest.

`import clip` also imports torchvision and, through it, torch's compiler. That takes longer than
everything else that the engine imports, and nothing here needs it.
"""

import sys
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

__all__ = [
    "CLIP",
    "SimpleTokenizer",
    "basic_clean",
    "build_model",
    "clip_tokenizer",
    "whitespace_clean",
]


def _import(name: str) -> ModuleType:
    """A module of the package under its own name, so that others who import it get the same."""
    full_name = f"clip.{name}"
    if full_name not in sys.modules:
        package = find_spec("clip")
        if package is None or package.origin is None:
            raise ModuleNotFoundError("OpenAI's CLIP is not installed", name="clip")
        spec = spec_from_file_location(full_name, Path(package.origin).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[full_name] = module
    return sys.modules[full_name]


if TYPE_CHECKING:
    from clip.model import CLIP, build_model
    from clip.simple_tokenizer import SimpleTokenizer, basic_clean, whitespace_clean
else:
    CLIP, build_model = _import("model").CLIP, _import("model").build_model
    SimpleTokenizer = _import("simple_tokenizer").SimpleTokenizer
    basic_clean = _import("simple_tokenizer").basic_clean
    whitespace_clean = _import("simple_tokenizer").whitespace_clean


@cache
def clip_tokenizer() -> SimpleTokenizer:
    """One for all: it reads 48,000 pairs of bytes, which takes a moment."""
    return SimpleTokenizer()
