"""The two loops that are compared."""

from bench.speed.loops import OURS, PLAIN, load


def test_the_plain_side_has_the_decoder_as_published() -> None:
    plain, ours = (load(side, "sketch") for side in (PLAIN, OURS))
    assert type(plain.vqgan.decoder.mid.block_1).__module__.startswith("taming.")
    assert plain.vqgan.decoder is not ours.vqgan.decoder
