"""The device: its free memory and its precision."""

import sys
from pathlib import Path

import pytest
import torch
from prometheus_client import REGISTRY

from engine import device

CPU = torch.device("cpu")


def test_without_a_containers_limit_the_machines_memory_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "CGROUP", tmp_path)
    assert device._cgroup_memory_left() == sys.maxsize
    assert 0 < device.free_memory(CPU) < sys.maxsize
    for name, content in {"max": "max", "current": "7", "stat": "inactive_file 3"}.items():
        (tmp_path / f"memory.{name}").write_text(content)
    assert device._cgroup_memory_left() == sys.maxsize


def test_a_containers_free_memory_is_within_its_limit_and_includes_inactive_page_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "CGROUP", tmp_path)
    stat = "anon 5000\ninactive_file 1000\n"
    for name, content in {"max": "9000\n", "current": "7000\n", "stat": stat}.items():
        (tmp_path / f"memory.{name}").write_text(content)
    assert device.free_memory(CPU) == 3000


def test_a_gpus_memory_is_in_the_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda gpu: (3, 8))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda gpu: 4)
    device.add_memory_metrics(torch.device("cuda:0"))
    memory = {
        what: REGISTRY.get_sample_value("imagine_gpu_memory_bytes", {"what": what})
        for what in ("total", "free", "held")
    }
    device.GPU_MEMORY.clear()
    assert memory == {"total": 8, "free": 3, "held": 4}


def test_bfloat16_is_used_where_the_processor_supports_it() -> None:
    """torch has only a private function for this, which any release may remove."""
    flags = Path("/proc/cpuinfo").read_text()
    assert device.autocast(CPU)._enabled == ("avx512_bf16" in flags)
