"""What a process of ours tells the kernel about itself at its start."""

import ctypes
import sys

_PR_SET_DUMPABLE = 4  #: of <linux/prctl.h>


def hide_from_other_processes() -> None:
    """Keeps other processes of the same user out of this one's memory and environment.

    The environment holds the bot's token. Afterwards only root can read `/proc/PID/environ` and
    `/proc/PID/mem`, attach a debugger, or make a core dump. It lasts until the next `exec`. Does
    nothing where the kernel is not Linux.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
