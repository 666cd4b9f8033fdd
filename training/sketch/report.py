"""Evaluates the trained model on held-out scenes, with a gate for each network.

A model that fails a gate can't render well with any method: optimisation can't produce what the
VQGAN can't show or CLIP can't see.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from scipy.stats import mannwhitneyu
from torch import Tensor

from engine.models.model import Model
from engine.models.vqgan import VQGAN
from training.data.drawing import draw
from training.data.drawn_batches import to_tensor
from training.data.drawn_scenes import (
    COLOURS,
    LANDS,
    SHAPES,
    SKIES,
    THINGS,
    TIMES,
    Scene,
    facts,
    random_figures,
    random_scene,
)
from training.judges.cnn import Judge
from training.judges.overlap import look

SCENES = 300
"""The number of held-out scenes of every kind, and of those with a single figure."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of the report; `gate` is the minimum to pass, None if there is none."""

    name: str
    value: float
    unit: str
    gate: float | None = None

    @property
    def passed(self) -> bool | None:
        return None if self.gate is None else self.value >= self.gate


def write_report(pair: Model, out: Path, runs: Path | None = None) -> list[Measure]:
    """Evaluates the model and writes `report.json`, `report.md` and `report.png` to `out`.

    `runs` has the training logs, for the learning curves.
    """
    random = Random("held out")
    every = [random_scene(random) for _ in range(SCENES)]
    single = list(_single_figures(random, SCENES))
    judge = Judge.load()
    measures = [
        *_reconstruction(pair, every, judge),
        *_recognition(pair, every, single),
        *_ceilings(pair, every, single, judge),
    ]
    out.mkdir(parents=True, exist_ok=True)
    listed = [{**asdict(measure), "passed": measure.passed} for measure in measures]
    report = {"measures": listed, "scenes": SCENES, "checksums": pair.checksums}
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    (out / "report.md").write_text(as_markdown(measures))
    _figure(pair, every[:12], runs).savefig(out / "report.png", dpi=110)
    return measures


def as_markdown(measures: Sequence[Measure]) -> str:
    lines = [
        f"On {SCENES} held-out scenes of every kind and {SCENES} with a single figure.",
        "",
        "| | value | gate | |",
        "| --- | ---: | ---: | --- |",
    ]
    for measure in measures:
        gate = "" if measure.gate is None else f"{measure.gate:g} {measure.unit}".strip()
        word = {None: "", True: "passed", False: "**missed**"}[measure.passed]
        value = f"{measure.value:.4g} {measure.unit}".strip()
        lines.append(f"| {measure.name} | {value} | {gate} | {word} |")
    return "\n".join(lines) + "\n"


# The VQGAN


def decoded(vqgan: VQGAN, pictures: Tensor) -> Tensor:
    """(batch, 3, height, width) from 0 to 1: encoded, quantised, decoded and clamped."""
    with torch.no_grad():
        latents = vqgan.encode(pictures.to(vqgan.codebook.device))
        return vqgan.decode(vqgan.quantise(latents)).clamp(0, 1).cpu()


def reconstructed(vqgan: VQGAN, pictures: Sequence[Image.Image]) -> list[Image.Image]:
    """RGB images of one size after encoding, quantising and decoding."""
    return [
        Image.fromarray(row)
        for batch in torch.split(to_tensor(list(pictures)), 32)
        for row in (decoded(vqgan, batch) * 255).round().byte().movedim(1, -1).numpy()
    ]


def _reconstruction(pair: Model, scenes: Sequence[Scene], judge: Judge) -> Iterator[Measure]:
    real = [draw(scene) for scene in scenes]
    after = reconstructed(pair.vqgan, real)
    errors = (to_tensor(real) - to_tensor(after)).square().mean((1, 2, 3))
    yield Measure("reconstruction, of the mean squared error", _psnr(errors.mean()), "dB", 26)
    yield Measure("reconstruction, worst tenth of scenes", _psnr(errors.quantile(0.9)), "dB")
    marked = [scene.watermark for scene in scenes]
    before = ["watermark" in names for names in judge.names(real)]
    still = ["watermark" in names for names in judge.names(after)]
    seen = [s for s, b, m in zip(still, before, marked, strict=True) if b and m]
    name = "watermarks that the CNN judge sees, of those it sees before encoding and decoding"
    yield Measure(name, _percent(seen), "%", 80)
    yield Measure(
        "unmarked scenes in which it sees one after encoding and decoding",
        _percent([s for s, m in zip(still, marked, strict=True) if not m]),
        "%",
    )


def _psnr(error: Tensor) -> float:
    return float(-10 * error.log10())


def _percent(hits: Sequence[bool]) -> float:
    return 100 * sum(hits) / max(1, len(hits))


# The perceptor


def _single_figures(random: Random, count: int) -> Iterator[Scene]:
    while count:
        scene = random_figures(random)
        if len(scene.figures) == 1:
            count -= 1
            yield scene


@torch.no_grad()
def _recognition(pair: Model, every: Sequence[Scene], single: Sequence[Scene]) -> Iterator[Measure]:
    """Zero-shot classification: which of all coloured shapes CLIP finds in an image."""
    kinds = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    texts = [f"{'an' if colour == 'orange' else 'a'} {colour} {shape}" for colour, shape in kinds]
    similarity = _embedded(pair, single) @ pair.perceptor.embed_texts(texts).cpu().t()
    chosen = [kinds[index] for index in similarity.argmax(1).tolist()]
    true = [(scene.figures[0].colour, scene.figures[0].shape) for scene in single]
    pairs = list(zip(chosen, true, strict=True))
    choice = f"CLIP’s choice of {len(kinds)} coloured shapes"
    yield Measure(f"{choice}: right shape", _percent([c[1] == t[1] for c, t in pairs]), "%", 90)
    yield Measure(f"{choice}: right colour", _percent([c[0] == t[0] for c, t in pairs]), "%", 95)
    yield Measure(f"{choice}: both right", _percent([c == t for c, t in pairs]), "%")
    (word,) = pair.perceptor.embed_texts(["watermark"]).cpu()
    closeness = (_embedded(pair, every) @ word).numpy()
    marked = np.array([scene.watermark for scene in every])
    wins = mannwhitneyu(closeness[marked], closeness[~marked]).statistic
    area = float(wins / (marked.sum() * (~marked).sum()))
    yield Measure("CLIP’s similarity to “watermark”: area under the curve", area, "", 0.95)


def _embedded(pair: Model, scenes: Sequence[Scene]) -> Tensor:
    """(scenes, d) of unit length."""
    device = pair.vqgan.codebook.device
    drawn = to_tensor([draw(scene, pair.perceptor.resolution) for scene in scenes])
    batches = torch.split(drawn, 64)
    return torch.cat([pair.perceptor.embed_images(b.to(device)).float().cpu() for b in batches])


# The judges

GROUPS = {
    "shapes": frozenset(SHAPES),
    "colours": frozenset(COLOURS),
    "grounds": frozenset(f"{colour} ground" for colour in COLOURS),
    "lands and times": frozenset((*LANDS, *TIMES)),
    "landscape elements": frozenset((*SKIES, *THINGS)),
    "watermark": frozenset(("watermark",)),
}


def _ceilings(
    pair: Model, every: Sequence[Scene], single: Sequence[Scene], judge: Judge
) -> Iterator[Measure]:
    """The judges' results on drawings: the ceiling of their results on rendered images."""
    clear = [scene for scene in single if scene.pattern == "plain" and not scene.watermark]
    real = [draw(scene) for scene in clear]
    drawn = [draw(scene) for scene in every]
    yield from _of_overlap("real scenes", clear, real)
    yield from _of_overlap("encoded and decoded scenes", clear, reconstructed(pair.vqgan, real))
    yield from _of_cnn("real scenes", every, judge.names(drawn))
    again = judge.names(reconstructed(pair.vqgan, drawn))
    yield from _of_cnn("encoded and decoded scenes", every, again)


def _of_overlap(
    what: str, scenes: Sequence[Scene], pictures: Sequence[Image.Image]
) -> Iterator[Measure]:
    """On scenes of one shape on a plain background, without watermarks."""
    largest = [next(iter(look(picture).figures), None) for picture in pictures]
    pairs = [(found, scene.figures[0]) for found, scene in zip(largest, scenes, strict=True)]
    shapes = [found is not None and found.shape == true.shape for found, true in pairs]
    colours = [found is not None and found.colour == true.colour for found, true in pairs]
    yield Measure(f"overlap judge, {what} of one shape: right shape", _percent(shapes), "%")
    yield Measure(f"overlap judge, {what} of one shape: right colour", _percent(colours), "%")


def _of_cnn(
    what: str, scenes: Sequence[Scene], named: Sequence[frozenset[str]]
) -> Iterator[Measure]:
    """The F1 score of each group of facts."""
    true = [facts(scene) for scene in scenes]
    for group, words in GROUPS.items():
        both = sum(len(t & n & words) for t, n in zip(true, named, strict=True))
        there = sum(len(t & words) for t in true)
        said = sum(len(n & words) for n in named)
        yield Measure(f"CNN judge, {what}: {group}, F1", 200 * both / max(1, there + said), "%")


# The figure


def _figure(pair: Model, scenes: Sequence[Scene], runs: Path | None) -> Figure:
    """A figure: scenes, their reconstructions below, and the learning curves."""
    real = [draw(scene) for scene in scenes]
    curves = [(log.parent.name, *_curve(log)) for log in sorted(runs.glob("*/log"))] if runs else []
    figure = Figure(figsize=(12, 6.2), layout="constrained")
    panels: Any = figure.subfigures(2, 1, height_ratios=(1, 1.6))
    grid = panels[0].subplots(2, len(real)).flat
    for axes, picture in zip(grid, real + reconstructed(pair.vqgan, real), strict=True):
        axes.imshow(picture)
        axes.axis("off")
    for place, (training, name, curve) in enumerate(curves, start=1):
        axes = panels[1].add_subplot(1, len(curves), place)
        axes.plot(*zip(*curve, strict=True), linewidth=0.8)
        axes.set(title=training, xlabel="step", ylabel=name)
    return figure


def _curve(log: Path) -> tuple[str, list[tuple[int, float]]]:
    """The first value that a stage logs (its loss or PSNR), by step."""
    rows: dict[int, float] = {}
    name = ""
    for file in sorted(log.glob("version_*/metrics.csv"), key=lambda f: int(f.parent.name[8:])):
        with file.open(newline="") as lines:
            for line in csv.DictReader(lines):
                name = "psnr" if "psnr" in line else "loss"
                if line[name]:
                    rows[int(line["step"])] = float(line[name])
    return name, sorted(rows.items())
