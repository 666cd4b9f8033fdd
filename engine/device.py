"""The device: choice, precision, memory and threads."""

import os
import sys
from pathlib import Path

import torch
from prometheus_client import Gauge

GPU_MEMORY = Gauge(
    "imagine_gpu_memory_bytes",
    "A GPU's memory: in total, free for any process, and held by this engine.",
    ["what"],
)

CGROUP = Path("/sys/fs/cgroup")


class DeviceError(Exception):
    """The configured device is not available; `str(error)` is one sentence for the host."""


def choose_device(name: str) -> torch.device:
    """`auto` (a GPU if there is one), `cpu`, `cuda` or `cuda:N`. Raises DeviceError."""
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        name = "cuda" if gpus else "cpu"
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= gpus:
        seen = "sees no GPU" if gpus == 0 else f"sees {gpus} GPU(s), counted from cuda:0"
        raise DeviceError(
            f"DEVICE is {name}, but torch {seen} here: install a matching driver, "
            "or set DEVICE=cpu."
        )
    return device


def precision(device: torch.device) -> torch.dtype:
    """bfloat16 where the device multiplies it natively, else float32."""
    native = (
        torch.cuda.is_bf16_supported()
        if device.type == "cuda"
        else torch.cpu._is_avx512_bf16_supported()  # private, but torch has no public name for it
    )
    return torch.bfloat16 if native else torch.float32


def autocast(device: torch.device) -> torch.autocast:
    """Computes in the device's `precision`."""
    enabled = precision(device) == torch.bfloat16
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


def describe_machine() -> str:
    """The machine in a few words, for benchmark reports."""
    cores, threads = len(os.sched_getaffinity(0)), torch.get_num_threads()
    return f"{cores} processor cores, {threads} threads, torch {torch.__version__}"


def free_memory(device: torch.device) -> int:
    """Free memory in bytes: the GPU's, or the machine's within the container's limit."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return free + cached
    lines = Path("/proc/meminfo").read_text().splitlines()
    (available,) = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return min(int(available) * 1024, _cgroup_memory_left())


def add_memory_metrics(device: torch.device) -> None:
    """Adds a GPU's memory to the metrics."""
    if device.type == "cuda":
        GPU_MEMORY.labels("total").set_function(lambda: torch.cuda.mem_get_info(device)[1])
        GPU_MEMORY.labels("free").set_function(lambda: torch.cuda.mem_get_info(device)[0])
        GPU_MEMORY.labels("held").set_function(lambda: torch.cuda.memory_reserved(device))


def _cgroup_memory_left() -> int:
    """The memory left within a container's limit (cgroup v2); infinite without one.

    Inactive page cache counts as used, but the kernel reclaims it, so it is added.
    """
    try:
        limit, used, stat = (
            (CGROUP / name).read_text() for name in ("memory.max", "memory.current", "memory.stat")
        )
        inactive = dict(line.split() for line in stat.splitlines())["inactive_file"]
        return int(limit) - int(used) + int(inactive)
    except (OSError, ValueError, KeyError):  # no cgroup, or no limit ("max")
        return sys.maxsize


def use_cores() -> None:
    """Sets one thread per core available to this process, unless OMP_NUM_THREADS is set."""
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(len(os.sched_getaffinity(0)))
