"""The numbers of the method, for each pair; chosen by `bench/quality.py`, not by taste."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Method:
    """How a pair paints.

    `cutouts` are cut per row and step. Their side is from `smallest` to `largest` times the
    picture's shorter side. `noise` is the largest standard deviation of the noise injected into a
    cutout, for values from 0 to 1; `flip` the share of mirrored cutouts; `colour` the spread of
    their brightness and contrast. `quantised` paints with codes of the codebook, straight-through;
    otherwise the latents are decoded as they are.
    """

    learning_rate: float
    cutouts: int
    smallest: float
    largest: float
    noise: float
    flip: float
    colour: float
    quantised: bool


METHODS = {
    "sketch": Method(
        learning_rate=0.15,
        cutouts=16,
        smallest=0.7,
        largest=1.1,
        noise=0.15,
        flip=0.0,
        colour=0.05,
        quantised=True,
    ),
    "imagenet": Method(
        learning_rate=0.1,
        cutouts=32,
        smallest=0.3,
        largest=1.0,
        noise=0.1,
        flip=0.5,
        colour=0.1,
        quantised=True,
    ),
}
