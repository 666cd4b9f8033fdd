"""The quality benchmark: what it counts, and that it runs from prompts to files."""

import json
from itertools import pairwise
from pathlib import Path
from random import Random
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bench.quality import benchmark
from bench.quality.benchmark import Rate, contact_sheet, evenly, parse_value, render, report
from bench.quality.prompts import held_out
from bench.quality.scores import CNN, OVERLAP, scores
from engine.models import catalogue
from engine.models.model import read_model
from engine.synthesis.config import CONFIGS, override
from engine.synthesis.renderer import Renderer
from tests.engine.random_pair import random_sketch
from training.data.drawing import draw
from training.data.drawn_scenes import Figure, Scene
from training.judges.cnn import Judge
from training.judges.overlap import analyse


def test_requested_scenes_score_and_others_do_not() -> None:
    judge = Judge.load()
    prompts = held_out(40)
    right = [draw(prompt.scene) for prompt in prompts]
    wrong = [draw(Scene((Figure("ring", "brown", 0.5, 0.5, 0.3),), "pink"))] * len(prompts)
    for images, low, high in ((right, 0.93, 1.0), (wrong, 0.0, 0.1)):
        hits = [
            score.hit
            for prompt, image, facts in zip(prompts, images, judge.find_facts(images), strict=True)
            for score in scores(prompt, analyse(image), facts)
            if "present, excluded" not in score.measure
        ]
        assert low <= sum(hits) / len(hits) <= high


def test_an_excluded_thing_that_is_absent_counts_as_absent() -> None:
    judge = Judge.load()
    excluding = [prompt for prompt in held_out() if prompt.exclude]
    images = [draw(prompt.scene) for prompt in excluding]
    hits = [
        score.hit
        for prompt, image, facts in zip(excluding, images, judge.find_facts(images), strict=True)
        for score in scores(prompt, analyse(image), facts)
        if "present, excluded" in score.measure
    ]
    assert sum(hits) <= 0.05 * len(hits)


def test_the_table_puts_rates_beside_their_ceilings() -> None:
    stages = zip(("painted", "real", "decoded"), (1, 4, 3), strict=True)
    rates = [Rate("shape", OVERLAP, stage, hits, 4) for stage, hits in stages]
    rates += [Rate("sun", CNN, stage, 1, 2) for stage in ("painted", "real", "decoded")]
    assert report(rates).splitlines()[2:] == [
        "| shape | 4 | 25 % | 100 %, 75 % |  |  |",
        "| sun | 2 |  |  | 50 % | 50 %, 50 % |",
    ]


def test_values_are_read_as_json() -> None:
    assert parse_value("quantize=False") == ("quantize", False)
    assert parse_value("cutouts.count=4") == ("cutouts.count", 4)


@given(st.integers(1, 500), st.integers(1, 60))
def test_the_prompts_of_the_contact_sheet_are_spread_evenly(count: int, wanted: int) -> None:
    indices = evenly(count, wanted)
    assert len(indices) == min(count, wanted)
    assert indices[0] == 0
    assert indices[-1] < count
    gaps = {after - before for before, after in pairwise(indices)}
    assert len(gaps) <= 2
    assert max(gaps, default=0) - min(gaps, default=0) <= 1


def test_a_contact_sheet_shows_every_image() -> None:
    prompts = held_out(20)
    colour = (200, 10, 10)
    sheet = contact_sheet(prompts, [Image.new("RGB", (64, 64), colour)] * len(prompts))
    red = sum(count for count, shade in sheet.getcolors(1 << 20) or [] if shade == colour)
    assert red == len(prompts) * 128 * 128


@pytest.mark.slow
def test_the_benchmark_runs_from_prompts_to_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, out = random_sketch(tmp_path / "weights"), tmp_path / "out"
    prompts = Random(1).sample(held_out(20), 3)
    monkeypatch.setattr(benchmark, "held_out", lambda limit: prompts)
    arguments = ["--weights", str(weights), "--steps", "2", "--seeds", "2", "--out", str(out)]
    monkeypatch.setattr("sys.argv", ["quality", *arguments, "--config", "cutouts.count=2"])
    benchmark.main()
    assert "6 images of 64 × 64 by the model sketch, 2 steps" in capsys.readouterr().out
    numbers = json.loads((out / "quality.json").read_text())
    assert numbers["config"]["cutouts.count"] == 2
    assert {rate["stage"] for rate in numbers["rates"]} == {"painted", "real", "decoded"}
    assert (out / "quality.md").exists()
    assert Image.open(out / "contact-sheet.png").width > 1000


MAX_ROUNDING = 1
"""Levels of 255 by which kernels may round differently in a batch of another size."""


def test_a_stopped_run_resumes_from_its_finished_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, finished = catalogue.find("sketch"), tmp_path / "finished"
    model = read_model(entry, random_sketch(tmp_path / "weights"), torch.device("cpu"))
    config = override(CONFIGS["sketch"], {"cutouts.count": 2})
    renderer = Renderer(model, torch.device("cpu"), config)
    prompts = held_out(20)[:3]
    images = render(renderer, prompts, 1, 1, finished)
    (deleted, *_) = finished.iterdir()
    deleted.unlink()
    add = Mock(wraps=renderer.add)
    monkeypatch.setattr(renderer, "add", add)
    resumed = render(renderer, prompts, 1, 1, finished)
    add.assert_called_once()
    changes = [
        int(np.abs(np.asarray(image, int) - np.asarray(again, int)).max())
        for image, again in zip(images, resumed, strict=True)
    ]
    assert sorted(changes)[:2] == [0, 0]
    assert max(changes) <= MAX_ROUNDING
    other = Renderer(model, torch.device("cpu"), override(config, {"cutouts.count": 3}))
    assert render(other, prompts[:1], 1, 1, finished)
    assert len(list(finished.iterdir())) == 4
