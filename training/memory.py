"""Memory management of training on a CPU."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""From glibc's malloc.h."""
LARGEST_INT = 2**31 - 1


def keep_freed_memory() -> bool:
    """Lets glibc keep freed memory for the next step. Returns False where there is no glibc.

    By default large tensors go back to the system as soon as they are freed, and each new one costs
    page faults. On one machine that took more time than a step of the prior itself.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, LARGEST_INT))
