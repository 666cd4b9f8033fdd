"""What the doctor says of devices that are not here."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from core.health import Finding, Severity
from core.settings import Settings
from engine import doctor


async def devices(settings: Settings) -> list[Finding]:
    return [finding async for finding in doctor._device(settings)]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], int]:
    """Installs a driver of this version."""
    monkeypatch.setattr(doctor, "DRIVER", tmp_path / "version")
    return (tmp_path / "version").write_text


async def test_a_gpu_is_told_with_its_driver_and_whether_the_pair_finds_room(
    install: Callable[[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    install("580.65.06\n")
    monkeypatch.setattr(doctor, "choose_device", lambda name: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "A Good GPU")
    for free, severity in ((0.5e9, Severity.WARNING), (20e9, Severity.OK)):
        monkeypatch.setattr(doctor, "free_memory", lambda device, free=free: free)
        there, room = await devices(Settings())
        assert there.severity is Severity.OK
        assert "A Good GPU, driver 580.65.06" in there.sentence
        assert room.severity is severity
        assert f"{free / 1e9:,.1f} GB of memory are free on cuda" in room.sentence


async def test_a_gpu_that_torch_does_not_see_is_missed_unless_nobody_wants_it(
    install: Callable[[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "choose_device", lambda name: torch.device("cpu"))
    assert (await devices(Settings(device="auto")))[0].severity is Severity.OK
    install("390.1\n")
    assert (await devices(Settings(device="cpu")))[0].severity is Severity.OK
    missed, _ = await devices(Settings(device="auto"))
    assert missed.severity is Severity.WARNING
    assert "driver (390.1)" in missed.sentence
