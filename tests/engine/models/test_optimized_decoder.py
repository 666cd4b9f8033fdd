"""The optimized decoder gives the same images and gradients as taming's own."""

import copy
from functools import partial

import pytest
import torch
from clip.model import VisionTransformer
from torch import nn
from torch.nn import functional as F

from engine.models.optimized_decoder import compile_for_gpu, optimize_decoder
from engine.models.vqgan import VQGAN, freeze
from tests.engine.random_pair import SKETCH_PARAMS


@pytest.mark.parametrize(("height", "width"), [(4, 4), (3, 5)])
def test_images_and_gradients_match_those_of_tamings_decoder(height: int, width: int) -> None:
    torch.manual_seed(0)
    original = VQGAN(**SKETCH_PARAMS)
    for parameter in original.parameters():  # so that no norm is the identity
        parameter.data += 0.1 * torch.randn_like(parameter)
    freeze(original)
    optimized = copy.deepcopy(original)
    optimize_decoder(optimized.decoder)
    latents = torch.randn(2, SKETCH_PARAMS["embed_dim"], height, width)
    images, gradients = [], []
    for vqgan in (original, optimized):
        variable = latents.clone().requires_grad_(True)
        image = vqgan.decode(variable)
        image.square().sum().backward()
        assert variable.grad is not None
        images.append(image.detach())
        gradients.append(variable.grad)
    assert images[0].shape == (2, 3, 4 * height, 4 * width)
    torch.testing.assert_close(images[1], images[0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-3, atol=1e-3)


def test_less_is_saved_for_the_backward_pass() -> None:
    original = VQGAN(**SKETCH_PARAMS)
    freeze(original)
    optimized = copy.deepcopy(original)
    optimize_decoder(optimized.decoder)

    def saved_bytes(vqgan: VQGAN) -> int:
        saved: dict[int, torch.Tensor] = {}

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            saved[tensor.untyped_storage().data_ptr()] = tensor.detach()
            return tensor.detach()

        variable = torch.randn(1, SKETCH_PARAMS["embed_dim"], 16, 16)
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            vqgan.decode(variable.requires_grad_(True))
        return sum(tensor.untyped_storage().nbytes() for tensor in saved.values())

    assert saved_bytes(optimized) < 0.7 * saved_bytes(original)


@pytest.mark.slow
def test_networks_compiled_as_for_a_gpu_give_the_same_images_embeddings_and_gradients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without Inductor, which takes a minute to compile 36 kernels; the next test compiles one."""
    monkeypatch.setattr(
        torch, "compile", partial(torch.compile, backend="aot_eager_decomp_partition")
    )
    torch.manual_seed(0)
    torch._dynamo.utils.counters.clear()
    smaller = {**SKETCH_PARAMS["ddconfig"], "ch_mult": [1, 2], "num_res_blocks": 0}
    decoder = freeze(VQGAN(**{**SKETCH_PARAMS, "ddconfig": smaller})).decoder
    optimize_decoder(decoder)
    eager = (decoder, freeze(VisionTransformer(64, 16, width=64, layers=1, heads=2, output_dim=32)))
    compiled = copy.deepcopy(eager)
    compile_for_gpu(*compiled)
    for rows, height, width in ((2, 4, 6), (3, 5, 4)):  # jobs come and go, at any size
        latents = torch.randn(rows, smaller["z_channels"], height, width)
        results = []
        for decode, embed in (eager, compiled):
            variable = latents.clone().requires_grad_(True)
            image = decode(variable)
            embedded = embed(F.interpolate(image, (64, 64)))
            (image.square().sum() + embedded.square().sum()).backward()
            assert variable.grad is not None
            results.append((image.detach(), embedded.detach(), variable.grad))
        for actual, expected in zip(results[1], results[0], strict=True):
            torch.testing.assert_close(
                actual, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max())
            )
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    assert graphs == 2  # one for each network: both are compiled, once for all sizes


@pytest.mark.slow
def test_a_network_is_compiled_to_machine_code() -> None:
    torch.manual_seed(0)
    network = freeze(nn.Sequential(nn.Conv2d(3, 4, 1), nn.SiLU()))
    compiled = copy.deepcopy(network)
    torch._inductor.metrics.reset()
    compile_for_gpu(compiled)
    for size in ((2, 3, 8, 8), (3, 3, 5, 4)):
        images = torch.rand(size)
        torch.testing.assert_close(compiled(images), network(images))
    assert torch._inductor.metrics.generated_kernel_count > 0


def test_a_network_that_cannot_be_compiled_runs_uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError("no compiler")

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=broken))
    network = nn.Conv2d(3, 4, 1)
    images = torch.rand(1, 3, 8, 8)
    expected = network(images)
    compile_for_gpu(network)
    for _ in range(2):
        torch.testing.assert_close(network(images), expected)
    assert not torch._dynamo.config.suppress_errors  # that would apply to the whole process
