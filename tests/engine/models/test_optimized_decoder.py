"""The optimized decoder: the same pictures and gradients as taming's own."""

import copy
from functools import partial

import pytest
import torch
from clip.model import VisionTransformer
from torch import nn
from torch.nn import functional as F

from engine.models.optimized_decoder import compile_for_gpu, optimize_decoder
from engine.models.vqgan import VQGAN, frozen
from tests.engine.random_pair import SKETCH_PARAMS


@pytest.mark.parametrize(("height", "width"), [(4, 4), (3, 5)])
def test_it_decodes_as_tamings_own(height: int, width: int) -> None:
    torch.manual_seed(0)
    own = VQGAN(**SKETCH_PARAMS)
    for parameter in own.parameters():  # norms that are not the identity
        parameter.data += 0.1 * torch.randn_like(parameter)
    frozen(own)
    quick = copy.deepcopy(own)
    optimize_decoder(quick.decoder)
    latents = torch.randn(2, SKETCH_PARAMS["embed_dim"], height, width)
    pictures, gradients = [], []
    for vqgan in (own, quick):
        free = latents.clone().requires_grad_(True)
        picture = vqgan.decode(free)
        picture.square().sum().backward()
        assert free.grad is not None
        pictures.append(picture.detach())
        gradients.append(free.grad)
    assert pictures[0].shape == (2, 3, 4 * height, 4 * width)
    torch.testing.assert_close(pictures[1], pictures[0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-3, atol=1e-3)


def test_it_remembers_less() -> None:
    own = VQGAN(**SKETCH_PARAMS)
    frozen(own)
    quick = copy.deepcopy(own)
    optimize_decoder(quick.decoder)

    def remembered(vqgan: VQGAN) -> int:
        kept: dict[int, torch.Tensor] = {}

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            kept[tensor.untyped_storage().data_ptr()] = tensor.detach()
            return tensor.detach()

        free = torch.randn(1, SKETCH_PARAMS["embed_dim"], 16, 16)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            vqgan.decode(free.requires_grad_(True))
        return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())

    assert remembered(quick) < 0.7 * remembered(own)


@pytest.mark.slow
def test_compiled_as_for_a_gpu_a_step_renders_and_sees_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without Inductor, which compiles 36 kernels for a minute: its work is tested on one below."""
    monkeypatch.setattr(
        torch, "compile", partial(torch.compile, backend="aot_eager_decomp_partition")
    )
    torch.manual_seed(0)
    torch._dynamo.utils.counters.clear()
    smaller = {**SKETCH_PARAMS["ddconfig"], "ch_mult": [1, 2], "num_res_blocks": 0}
    decoder = frozen(VQGAN(**{**SKETCH_PARAMS, "ddconfig": smaller})).decoder
    optimize_decoder(decoder)
    own = (decoder, frozen(VisionTransformer(64, 16, width=64, layers=1, heads=2, output_dim=32)))
    compiled = copy.deepcopy(own)
    compile_for_gpu(*compiled)
    for rows, height, width in ((2, 4, 6), (3, 5, 4)):  # jobs come and go, at any size
        latents = torch.randn(rows, smaller["z_channels"], height, width)
        results = []
        for paint, see in (own, compiled):
            free = latents.clone().requires_grad_(True)
            picture = paint(free)
            seen = see(F.interpolate(picture, (64, 64)))
            (picture.square().sum() + seen.square().sum()).backward()
            assert free.grad is not None
            results.append((picture.detach(), seen.detach(), free.grad))
        for ours, plain in zip(results[1], results[0], strict=True):
            torch.testing.assert_close(ours, plain, rtol=1e-3, atol=1e-3 * float(plain.abs().max()))
    counted = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    assert counted == 2  # one of each network: compiled indeed, and for every size at once


@pytest.mark.slow
def test_a_network_is_compiled_to_machine_code() -> None:
    torch.manual_seed(0)
    network = frozen(nn.Sequential(nn.Conv2d(3, 4, 1), nn.SiLU()))
    compiled = copy.deepcopy(network)
    torch._inductor.metrics.reset()
    compile_for_gpu(compiled)
    for size in ((2, 3, 8, 8), (3, 3, 5, 4)):
        images = torch.rand(size)
        torch.testing.assert_close(compiled(images), network(images))
    assert torch._inductor.metrics.generated_kernel_count > 0


def test_a_network_that_cannot_be_compiled_runs_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError("no compiler")

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=broken))
    network = nn.Conv2d(3, 4, 1)
    images = torch.rand(1, 3, 8, 8)
    expected = network(images)
    compile_for_gpu(network)
    for _ in range(2):
        torch.testing.assert_close(network(images), expected)
    assert not torch._dynamo.config.suppress_errors  # it would be for the whole process
