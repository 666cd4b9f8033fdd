"""Networks that compute the same in less time and memory, for use without training.

Of taming's decoder, everywhere:

- Doubling a picture by repeating pixels and then convolving it 3 × 3 multiplies most numbers more
  often than needed: the same is one transposed convolution, 4 × 4 with stride 2, with 16
  multiplications for a pixel instead of 36.
- A normalisation and its swish are remembered by their input alone and computed once more on the
  way back, instead of keeping four tensors for each.

Of all that a step goes through, on a GPU: pictures lie channel by channel for each pixel, as its
convolutions read them best, and what lies between two of them becomes one kernel.
"""

from typing import Any

import torch
from taming.modules.diffusionmodules.model import ResnetBlock, Upsample
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint


def quicken(network: nn.Module) -> None:
    """Replaces the blocks within, which are frozen; the state dict's names are no longer taming's.

    What it computes agrees to the tolerance of the arithmetic.
    """
    for name, child in network.named_children():
        if isinstance(child, Upsample) and child.with_conv:
            setattr(network, name, _Doubled(child.conv))
        elif isinstance(child, ResnetBlock):
            setattr(network, name, _Block(child))
        else:
            quicken(child)


def compile_for_gpu(*networks: nn.Module) -> None:
    """Compiles each at its next use, once for any number of rows and any size.

    What it computes agrees to the tolerance of the arithmetic. Where nothing can be compiled, as on
    a machine without a compiler, it is computed as before, with a warning.
    """
    torch._dynamo.config.suppress_errors = True
    for network in networks:
        network.to(memory_format=torch.channels_last)
        network.compile(dynamic=True)


def spare_memory(network: nn.Module) -> None:
    """From now on each block within is computed once more on the way back, not remembered.

    Chen et al., "Training Deep Nets with Sublinear Memory Cost" (2016).
    """
    for module in network.modules():
        if isinstance(module, _Block):
            module.spare = True


class _Doubled(nn.Module):
    """Upsample and its convolution in one."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        kernel = _transposed(_transposed(conv.weight.detach(), 2), 3).transpose(0, 1)
        self.register_buffer("kernel", kernel.contiguous())
        self.bias = conv.bias
        self.kernel: Tensor

    def forward(self, x: Tensor) -> Tensor:
        doubled: Tensor = F.conv_transpose2d(x, self.kernel, self.bias, stride=2, padding=1)
        return doubled


def _transposed(kernel: Tensor, side: int) -> Tensor:
    """Along one side: of the kernel's three numbers, which of four a source pixel meets."""
    first, middle, last = kernel.unbind(side)
    return torch.stack([last, middle + last, first + middle, first], side)


class _Block(nn.Module):
    """taming's ResnetBlock without time embedding and dropout."""

    def __init__(self, block: ResnetBlock) -> None:
        super().__init__()
        self.norm1, self.conv1 = block.norm1, block.conv1
        self.norm2, self.conv2 = block.norm2, block.conv2
        same = block.in_channels == block.out_channels
        self.shortcut = nn.Identity() if same else _shortcut(block)
        self.spare = False

    def forward(self, x: Tensor, temb: None = None) -> Tensor:
        if not self.spare:
            return self._through(x)
        spared: Tensor = checkpoint(self._through, x, use_reentrant=False)
        return spared

    def _through(self, x: Tensor) -> Tensor:
        h = self.conv1(_swish_of_norm(x, self.norm1))
        h = self.conv2(_swish_of_norm(h, self.norm2))
        result: Tensor = self.shortcut(x) + h
        return result


def _shortcut(block: ResnetBlock) -> nn.Module:
    name = "conv_shortcut" if block.use_conv_shortcut else "nin_shortcut"
    shortcut: nn.Module = getattr(block, name)
    return shortcut


def _swish_of_norm(x: Tensor, norm: nn.GroupNorm) -> Tensor:
    weight, bias = norm.weight.to(x.dtype), norm.bias.to(x.dtype)
    result: Tensor = _SwishOfNorm.apply(x, weight, bias, norm.num_groups, norm.eps)
    return result


class _SwishOfNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float
    ) -> Tensor:
        normal, mean, rstd = _normalised(x, weight, bias, groups, eps)
        ctx.save_for_backward(x, weight, bias, mean, rstd)
        ctx.groups, ctx.eps = groups, eps
        result: Tensor = F.silu(normal)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None, None]:
        x, weight, bias, mean, rstd = ctx.saved_tensors
        normal, _, _ = _normalised(x, weight, bias, ctx.groups, ctx.eps)
        (gradient,) = gradients
        through = torch.ops.aten.silu_backward(gradient.contiguous(), normal)
        rows, channels, *rest = x.shape
        back, _, _ = torch.ops.aten.native_group_norm_backward(
            through, x, mean, rstd, weight, rows, channels, rest[0] * rest[1], ctx.groups,
            [True, False, False],
        )  # fmt: skip
        return back, None, None, None, None


def _normalised(
    x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    rows, channels, height, width = x.shape
    result: tuple[Tensor, Tensor, Tensor] = torch.native_group_norm(
        x.contiguous(), weight, bias, rows, channels, height * width, groups, eps
    )
    return result
