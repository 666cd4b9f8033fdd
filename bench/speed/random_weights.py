"""The full-size model with random weights, which takes the same time and memory as the real one.

For benchmarks on machines without the published weights.
"""

import torch
from clip.model import CLIP

from engine.models import catalogue
from engine.models.checkpoints import VOCAB_SIZE, ClipCheckpoint
from engine.models.model import Model
from engine.models.optimized_decoder import optimize_decoder
from engine.models.perceptor import ClipPerceptor
from engine.models.vqgan import VQGAN, freeze

F16_16384 = {
    "double_z": False,
    "z_channels": 256,
    "resolution": 256,
    "in_channels": 3,
    "out_ch": 3,
    "ch": 128,
    "ch_mult": [1, 1, 2, 2, 4],
    "num_res_blocks": 2,
    "attn_resolutions": [16],
    "dropout": 0.0,
}
"""taming's `ddconfig` of the VQGAN f16 with 16,384 codes."""

VIT_B_32 = {
    "embed_dim": 512,
    "image_resolution": 224,
    "vision_layers": 12,
    "vision_width": 768,
    "vision_patch_size": 32,
    "context_length": 77,
    "vocab_size": VOCAB_SIZE,
    "transformer_width": 512,
    "transformer_heads": 8,
    "transformer_layers": 12,
}
"""The shape of OpenAI's CLIP ViT-B/32."""


def untrained_imagenet(device: torch.device, quick: bool = True, seed: int = 0) -> Model:
    """The model `imagenet` in float32, frozen, on the device; the seed determines the weights.

    With `quick` it has the optimised decoder, as from `load_model`, otherwise taming's. Reads and
    writes no files, and leaves torch's global random state unchanged.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        vqgan = VQGAN(F16_16384, embed_dim=256, n_embed=16_384)
        perceptor = ClipPerceptor(ClipCheckpoint(CLIP(**VIT_B_32).state_dict(), words=None))
    freeze(vqgan)
    if quick:
        optimize_decoder(vqgan.decoder)
    return Model(
        name=catalogue.find("imagenet").name,
        vqgan=vqgan.to(device),
        perceptor=perceptor.to(device),
        side=catalogue.find("imagenet").side,
        words=None,
        checksums={},
    )
