"""Hides a process's memory and environment from other processes and from the Ray cluster."""

import ctypes
import os
import sys

_PR_SET_DUMPABLE = 4  #: from <linux/prctl.h>


def hide_from_other_processes() -> None:
    """Keeps other processes of the same user out of this one's memory and environment.

    The environment holds the bot's token. Afterwards only root can read `/proc/PID/environ` and
    `/proc/PID/mem`, attach a debugger, or make a core dump. Lasts until the next `exec`. Does
    nothing on systems other than Linux.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def erase_from_environment(*names: str) -> None:
    """Removes variables from this process's environment, including the copy that the kernel shows.

    `/proc/PID/environ` shows the environment's initial memory even after a variable is unset, so
    the values there are overwritten. Then neither root's processes nor child processes find them.
    """
    libc = ctypes.CDLL(None)
    libc.getenv.argtypes, libc.getenv.restype = [ctypes.c_char_p], ctypes.c_void_p
    for name in names:
        if value := libc.getenv(name.encode()):
            ctypes.memset(value, 0, len(ctypes.string_at(value)))
        os.environ.pop(name, None)
