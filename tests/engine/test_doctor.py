"""The doctor's findings about devices that this machine may not have."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from core.health import Finding, Severity
from core.settings import Settings
from engine import doctor
from engine.models.catalogue import WeightsError


async def device_findings(settings: Settings) -> list[Finding]:
    return [finding async for finding in doctor._device(settings)]


@pytest.fixture
def install_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], int]:
    """Pretends that a driver of the given version is installed."""
    monkeypatch.setattr(doctor, "DRIVER", tmp_path / "version")
    return (tmp_path / "version").write_text


async def test_a_gpu_is_reported_with_its_driver_and_whether_the_model_fits(
    install_driver: Callable[[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    install_driver("580.65.06\n")
    monkeypatch.setattr(doctor, "choose_device", lambda name: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "A Good GPU")
    for free, severity in ((0.5e9, Severity.WARNING), (20e9, Severity.OK)):
        monkeypatch.setattr(doctor, "free_memory", lambda device, free=free: free)
        gpu, memory = await device_findings(Settings())
        assert gpu.severity is Severity.OK
        assert "A Good GPU, driver 580.65.06" in gpu.sentence
        assert memory.severity is severity
        assert f"{free / 1e9:,.1f} GB of memory are free on cuda" in memory.sentence


async def test_a_gpu_that_torch_does_not_see_is_a_warning_unless_the_cpu_is_chosen(
    install_driver: Callable[[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "choose_device", lambda name: torch.device("cpu"))
    assert (await device_findings(Settings(device="auto")))[0].severity is Severity.OK
    install_driver("390.1\n")
    assert (await device_findings(Settings(device="cpu")))[0].severity is Severity.OK
    missing, _ = await device_findings(Settings(device="auto"))
    assert missing.severity is Severity.WARNING
    assert "driver (390.1)" in missing.sentence


async def test_the_models_that_members_can_choose_must_exist() -> None:
    offered = Settings(model="sketch", models=("wikiart",))
    *_, finding = [finding async for finding in doctor._weights(offered)]
    assert "Members can also choose wikiart" in finding.sentence
    with pytest.raises(WeightsError, match="no model 'wikiat'"):
        _ = [f async for f in doctor._weights(Settings(model="sketch", models=("wikiat",)))]
