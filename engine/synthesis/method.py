"""The numbers of the method, for each pair; chosen by `bench/quality/`, not by taste."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Method:
    """How a pair paints.

    `cutouts` are cut per row and step. Their side is from `smallest` to `largest` times the
    picture's shorter side. `noise` is the largest standard deviation of the noise injected into a
    cutout, for values from 0 to 1; `flip` the share of mirrored cutouts; `colour` the spread of
    their brightness and contrast. `quantised` paints with codes of the codebook, straight-through;
    otherwise the latents are decoded as they are.

    `smoothness` weighs the picture's total variation in the loss: flat colour and clean edges
    against texture. `guided` weighs how far the picture is from where the pair's prior, if it has
    one, would have it go. Excludes push no further than what has nothing to do with the picture:
    `indifferent` is the similarity of such a text, `strange` that of such a picture.

    A picture without an initial one is painted from coarse to fine: the first `coarse` of its steps
    at smaller sizes, down to a shorter side of `coarsest` pixels. It begins as the nearest of so
    many pictures `imagined` by the pair's prior, or where it has none, of several generations of so
    many `beginnings`. It ends early when nothing has been gained for `patience` of its steps.
    """

    learning_rate: float
    cutouts: int
    smallest: float
    largest: float
    noise: float
    flip: float
    colour: float
    quantised: bool
    smoothness: float
    guided: float
    indifferent: float
    strange: float
    coarse: float
    coarsest: int
    imagined: int
    beginnings: int
    patience: float


METHODS = {
    "sketch": Method(
        learning_rate=0.1,
        cutouts=8,
        smallest=0.5,
        largest=1.0,
        noise=0.1,
        flip=0.0,
        colour=0.05,
        quantised=True,
        smoothness=0.06,
        guided=8.0,
        indifferent=0.025,
        strange=0.2,
        coarse=0.5,
        coarsest=64,
        imagined=16,
        beginnings=384,
        patience=0.2,
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
        smoothness=0.0,
        guided=0.0,
        indifferent=0.15,
        strange=0.5,
        coarse=0.5,
        coarsest=128,
        imagined=0,
        beginnings=32,
        patience=0.2,
    ),
}

METHODS |= dict.fromkeys(
    ("imagenet-1024", "gumbel", "coco", "faces", "wikiart"), METHODS["imagenet"]
)
