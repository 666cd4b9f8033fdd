"""What others on this machine, or in the same Ray cluster, can learn about a process of ours."""

import ctypes
import os
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


def erase_from_environment(*names: str) -> None:
    """Removes variables from this process and from what the kernel shows of its environment.

    The kernel shows the memory with which the process began in `/proc/PID/environ`, whatever is
    unset later: the values there are overwritten. So neither root's processes nor children of this
    one find them.
    """
    libc = ctypes.CDLL(None)
    libc.getenv.argtypes, libc.getenv.restype = [ctypes.c_char_p], ctypes.c_void_p
    for name in names:
        if value := libc.getenv(name.encode()):
            ctypes.memset(value, 0, len(ctypes.string_at(value)))
        os.environ.pop(name, None)
