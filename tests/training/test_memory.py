"""Memory that a training has freed is used again."""

import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import torch
from training.memory import keep_freed_memory

torch.set_num_threads(1)
if sys.argv[1] == "kept":
    assert keep_freed_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    torch.ones(9_000_000)  # over 32 MB, above which malloc never keeps anything by itself
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _faults(kept: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, kept], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.slow
def test_large_tensors_cause_fewer_page_faults() -> None:
    assert _faults("kept") < 0.7 * _faults("returned")
