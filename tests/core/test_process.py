"""A process hides its memory and its environment."""

import importlib
import os
import subprocess
import sys

import pytest

PR_GET_DUMPABLE = 3


@pytest.mark.slow
def test_a_hidden_process_cannot_be_inspected() -> None:
    """Reads the kernel's flag: root can read the memory anyway, so trying to proves nothing."""
    code = (
        "import ctypes\nfrom core.process import hide_from_other_processes\n"
        f"dumpable = lambda: ctypes.CDLL(None).prctl({PR_GET_DUMPABLE}, 0, 0, 0, 0)\n"
        "print(dumpable())\nhide_from_other_processes()\nprint(dumpable())\n"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert child.stdout.split() == ["1", "0"], child.stderr


@pytest.mark.parametrize("program", ["bot.__main__", "engine.cli.main"])
def test_programs_that_read_the_token_hide_first(
    program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module(program)
    order: list[str] = []

    def settings() -> None:
        order.append("settings")
        raise SystemExit

    monkeypatch.setattr(module, "hide_from_other_processes", lambda: order.append("hidden"))
    monkeypatch.setattr(module, "load_settings", settings)
    monkeypatch.setattr(sys, "argv", [program])
    with pytest.raises(SystemExit):
        module.main()
    assert order == ["hidden", "settings"]


@pytest.mark.slow
def test_an_erased_variable_is_gone_from_the_process_its_children_and_the_kernel() -> None:
    code = (
        "import os, subprocess\nfrom core.process import erase_from_environment\n"
        "erase_from_environment('DISCORD_TOKEN', 'NEVER_SET')\n"
        "print(open('/proc/self/environ').read().count('very.secret'))\n"
        "print(subprocess.run('env', capture_output=True, text=True).stdout.count('very.secret'))\n"
        "print('DISCORD_TOKEN' in os.environ, os.environ['OTHER'])\n"
        "print(open('/proc/self/environ').read().count('OTHER=kept'))\n"
    )
    environment = {"PATH": os.environ["PATH"], "DISCORD_TOKEN": "very.secret", "OTHER": "kept"}
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert child.stdout.split() == ["0", "0", "False", "kept", "1"], child.stderr
