"""The table of choices: each is another one than the method's, and is told in a line."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from bench import choices
from bench.choices import CHOICES, MEASURES, Choice, heading, line, tried
from bench.prompts import held_out
from bench.quality import PAINTED, Rate
from bench.scores import CNN, OVERLAP
from engine.models import catalogue
from engine.models.pair import read_pair
from engine.synthesis import objective
from engine.synthesis.method import METHODS
from engine.synthesis.objective import Target
from tests.engine.random_pair import random_sketch


def test_all_choices_but_the_first_change_something() -> None:
    method = METHODS[choices.PAIR]
    first, *others = CHOICES
    assert first == Choice("as it is", {})
    for choice in others:
        changed = replace(method, **choice.changes) != method
        assert changed or not choice.prior or choice.spherical, choice.name


def test_an_angle_is_nearly_a_cosine_where_it_is_small_and_pulls_harder_where_it_is_large() -> None:
    axis, slope = torch.tensor([1.0, 0.0]), torch.tensor([0.1, 2.0])
    embedded = F.normalize(torch.stack([torch.ones(2), slope], dim=1), dim=1).requires_grad_(True)
    target = Target(("x",), axis[None], torch.ones(1), torch.zeros(1), 1)
    (near,), (far,) = (objective.similarities(one[None], [target]) for one in embedded)
    with choices._angles():
        (bent,), (bent_far,) = (objective.similarities(one[None], [target]) for one in embedded)
    assert abs(bent - near).item() < 1e-4
    assert bent_far.item() < far.item() - 0.01
    assert objective.similarities(embedded[:1], [target])[0].item() == near.item()


def test_a_line_says_what_both_judges_said() -> None:
    rates = [Rate(m, judge, PAINTED, 1, 4) for m in MEASURES for judge in (OVERLAP, CNN)]
    cells = line("as it is", rates, 1.25).split(" | ")
    assert cells == ["| as it is", *["25 / 25"] * len(MEASURES), "1.25 |"]
    assert heading(rates)[0].count("(n 4)") == len(MEASURES)


def test_a_choice_is_painted_and_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choices, "STEPS", 2)
    pair = read_pair(catalogue.SKETCH, random_sketch(tmp_path), torch.device("cpu"))
    asked = held_out(10)
    method = replace(METHODS[choices.PAIR], beginnings=8)
    rates, seconds = tried(CHOICES[1], pair, method, asked, seeds=1)
    assert seconds > 0
    assert {rate.measure for rate in rates} >= set(MEASURES)
