"""Exported weights are halved, named for the engine, and listed with their checksums."""

import stat
from pathlib import Path

import torch

from engine.models.weights import SUMS, checksum
from training.weight_files import half, part, write_checksums


def test_a_part_of_a_state_loses_its_prefix() -> None:
    one, other = torch.zeros(1), torch.ones(1)
    assert part("ema.", {"ema.weight": one, "weight": other}) == {"weight": one}


def test_floats_are_halved_and_integers_kept() -> None:
    found = half({"weight": torch.rand(2, 3).t(), "ids": torch.tensor([2**40])})
    assert found["weight"].dtype == torch.float16
    assert found["weight"].is_contiguous()
    assert found["ids"].tolist() == [2**40]


def test_the_checksums_are_those_of_the_files(tmp_path: Path) -> None:
    names = ("a.safetensors", "b.yaml")
    for name in names:
        (tmp_path / name).write_text(name)
        (tmp_path / name).chmod(0o600)
    write_checksums(tmp_path, names)
    lines = (tmp_path / SUMS).read_text().splitlines()
    assert lines == [f"{checksum(tmp_path / name)}  {name}" for name in names]
    assert all(stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o644 for name in names)
