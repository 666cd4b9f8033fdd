"""Builds networks whose weights are about to be read, without drawing random ones first."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


class Uninitialised(TorchFunctionMode):
    """A block in which parameters keep whatever memory held. Load all of them afterwards.

    On the meta device it also spares the Python code of random numbers there, which imports torch's
    compiler: a second's work.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        given = kwargs or {}
        from_init = getattr(func, "__module__", None) == torch.nn.init.__name__
        if from_init or func in (Tensor.normal_, Tensor.uniform_):
            return args[0] if args else given["tensor"]
        return func(*args, **given)
