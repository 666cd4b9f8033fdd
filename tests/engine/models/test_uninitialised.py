"""Networks whose weights are read draw no random ones first."""

import torch
from torch import nn

from engine.models.uninitialised import Uninitialised


def test_no_random_numbers_are_drawn_and_what_is_loaded_is_there() -> None:
    source = nn.TransformerEncoderLayer(8, 2)
    before = torch.get_rng_state()
    with Uninitialised():
        built = nn.TransformerEncoderLayer(8, 2)
        nn.Embedding(4, 2).weight.data.uniform_()
    assert torch.equal(torch.get_rng_state(), before)
    built.load_state_dict(source.state_dict())
    assert all(torch.equal(own, built.state_dict()[n]) for n, own in source.state_dict().items())
