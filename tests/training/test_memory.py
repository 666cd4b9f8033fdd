"""Memory that training has freed is reused."""

import subprocess
import sys

import pytest

COUNT_PAGE_FAULTS = """
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


def _page_faults(kept: str) -> int:
    result = subprocess.run(
        [sys.executable, "-c", COUNT_PAGE_FAULTS, kept], capture_output=True, text=True, check=True
    )
    return int(result.stdout)


@pytest.mark.slow
def test_large_tensors_cause_fewer_page_faults() -> None:
    assert _page_faults("kept") < 0.7 * _page_faults("returned")
