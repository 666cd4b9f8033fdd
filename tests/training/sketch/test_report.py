"""The report says which gates a model passes."""

import json
from pathlib import Path

import pytest
import torch

from engine.models import catalogue
from engine.models.model import Model, read_model
from tests.engine.random_pair import random_sketch
from training.data.drawing import draw
from training.data.drawn_scenes import Scene
from training.sketch import report
from training.sketch.report import Measure, as_markdown, reconstructed, write_report


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = random_sketch(tmp_path_factory.mktemp("untrained"))
    return read_model(catalogue.find("sketch"), folder, torch.device("cpu"))


@pytest.mark.slow
def test_an_untrained_model_misses_a_gate(
    untrained: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "SCENES", 24)
    log = tmp_path / "runs" / "vqgan" / "log" / "version_0"
    log.mkdir(parents=True)
    (log / "metrics.csv").write_text("psnr,step\n11.5,49\n,60\n12.5,99\n")
    measures = write_report(untrained, tmp_path / "out", tmp_path / "runs")
    gated = {measure.name: measure for measure in measures if measure.gate is not None}
    assert len(gated) == 5
    assert gated["reconstruction, of the mean squared error"].passed is False
    real = {m.name: m.value for m in measures if "real scenes" in m.name}
    assert real["overlap judge, real scenes of one shape: right shape"] > 90
    written = json.loads((tmp_path / "out" / "report.json").read_text())
    assert len(written["measures"]) == len(measures)
    assert written["checksums"] == untrained.checksums
    assert "**missed**" in (tmp_path / "out" / "report.md").read_text()
    assert (tmp_path / "out" / "report.png").read_bytes().startswith(b"\x89PNG")


def test_a_value_equal_to_its_gate_passes() -> None:
    measures = [Measure("a", 26.0, "dB", 26), Measure("b", 25.9, "dB", 26), Measure("c", 1, "")]
    assert [measure.passed for measure in measures] == [True, False, None]
    assert as_markdown(measures).splitlines()[-3:] == [
        "| a | 26 dB | 26 dB | passed |",
        "| b | 25.9 dB | 26 dB | **missed** |",
        "| c | 1 |  |  |",
    ]


def test_reconstructions_keep_order_and_size(untrained: Model) -> None:
    real = [draw(Scene(ground=colour)) for colour in ("red", "white", "black")]
    reconstructions = reconstructed(untrained.vqgan, real)
    assert [image.size for image in reconstructions] == [(64, 64)] * 3
    alone = reconstructed(untrained.vqgan, real[2:])
    assert alone[0].getpixel((32, 32)) == pytest.approx(
        reconstructions[2].getpixel((32, 32)), abs=1
    )
