"""`python -m bench.quality.image_check`: how often the image check is right, at each threshold.

The images are the 48 practice things in `practice_things.png`, which picturebook rendered; no
held-out prompt is among them. Each thing that a person recognises is a concept. It is *missed* if
its own image scores below the threshold; a *false alarm* is another image with at least that score.
The default threshold is the highest at which at most one in ten is missed: false alarms add up over
the concepts of a server, and the default action is only a spoiler. The same CLIP guides and checks
the images, so the rates flatter it.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from bench.markdown import table
from core.settings import OWN, PerceptorChoice, load_settings
from engine.device import choose_device
from engine.image_check import ImageCheck
from engine.models import catalogue, weights
from engine.models.model import load_perceptors
from engine.phrases import phrase_bank
from engine.synthesis.latents import to_tensor

MODEL = "picturebook"
SHEET = Path(__file__).with_name("practice_things.png")
SIDE, COLUMNS = 128, 12  #: pixels on a side of an image, and images per row
UNRECOGNISED = ""
THINGS = (
    *("an orca", "a wedding", "dna", "a floppy disk", "a pill", "a clamp"),
    *(
        "a paperclip",
        UNRECOGNISED,
        "a satellite antenna",
        "a knot",
        UNRECOGNISED,
        "a Christmas tree",
    ),
    *("a flute", "an umbrella", UNRECOGNISED, UNRECOGNISED, "an ice skate", "a planet"),
    *(
        "a lab coat",
        "ice hockey",
        "an upside-down face",
        UNRECOGNISED,
        "a mouse",
        "a clapper board",
    ),
    *("a tractor", "a star of David", "peas", "an accordion", "a rice ball", "an eagle"),
    *("a purple heart", "a seat", UNRECOGNISED, "a rock", "a pushpin", UNRECOGNISED),
    *("canned food", "a bed", "a penguin", "a thought balloon", UNRECOGNISED, "a cupcake"),
    *("a pleading face", "a plunger", "a lemon", "a scooter", "leaves", "a frowning face"),
)
"""What a person sees in the images of the sheet, row by row."""

MAX_MISSED = 0.1
THRESHOLDS = [step / 100 for step in range(-10, 11, 2)]


@dataclass(frozen=True, slots=True)
class Rates:
    """The shares of both errors at a threshold, 0 to 1."""

    threshold: float
    missed: float
    false_alarms: float


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    settings = load_settings()
    device, entry = choose_device(settings.device), catalogue.find(MODEL)
    folder = entry.folder(settings.data_dir)
    checksums = weights.checksums(entry, folder)
    own = [PerceptorChoice(OWN, 1.0)]
    perceptor, _ = load_perceptors(own, entry, folder, checksums, {})
    check = ImageCheck(perceptor.to(device), phrase_bank(MODEL).neutral, device)
    positives, negatives = measure(check)
    rates = [rates_at(threshold, positives, negatives) for threshold in THRESHOLDS]
    print(f"{len(positives)} scores of images with the concept, {len(negatives)} without it\n")
    print(table(("threshold", "missed", "false alarms"), map(_row, rates), text_columns=0))
    print(f"\nchosen: {choose(rates).threshold:g}")


def measure(check: ImageCheck) -> tuple[list[float], list[float]]:
    """The scores of images that show the concept, and of all others."""
    concepts = list(filter(None, THINGS))
    positives: list[float] = []
    negatives: list[float] = []
    for thing, image in zip(THINGS, images(), strict=True):
        for concept, score in check.scores(to_tensor(image), concepts).items():
            (positives if concept == thing else negatives).append(score)
    return positives, negatives


def images() -> Iterator[Image.Image]:
    """The images of the sheet, row by row."""
    with Image.open(SHEET, formats=["PNG"]) as sheet:
        for number in range(len(THINGS)):
            top, left = (SIDE * place for place in divmod(number, COLUMNS))
            yield sheet.crop((left, top, left + SIDE, top + SIDE)).convert("RGB")


def rates_at(threshold: float, positives: Sequence[float], negatives: Sequence[float]) -> Rates:
    """The rates of both errors: positives below the threshold, and negatives at or above it."""
    return Rates(
        threshold,
        sum(score < threshold for score in positives) / len(positives),
        sum(score >= threshold for score in negatives) / len(negatives),
    )


def choose(rates: Sequence[Rates]) -> Rates:
    """The highest threshold at which at most MAX_MISSED are missed; else the lowest."""
    found = [each for each in rates if each.missed <= MAX_MISSED]
    return max(found or rates[:1], key=lambda each: each.threshold)


def _row(rates: Rates) -> tuple[object, ...]:
    return (
        f"{rates.threshold:g}",
        f"{100 * rates.missed:.0f} %",
        f"{100 * rates.false_alarms:.1f} %",
    )


if __name__ == "__main__":
    main()
