"""`python -m bench.chaos table`: the outcome of each request under faults.

For each fault, a local Discord and both processes are started. Members request images while the
fault happens several times at random moments. Then the faults stop, and the outcomes are counted
from what Discord received and shows, and from the database.

A request counts if its interaction got a response, or if its job is in the database. It has to end
exactly once, as a posted image, reason or cancellation. It is duplicated if it has a second job
message or a second message with the image, stuck if its message still says that it is waiting or
running, and lost if it has no outcome at all. `docs/faults.md` shows the table.
"""

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bench.chaos.environment import open_world
from bench.chaos.judge import ENDED, Fate, Verdict
from bench.chaos.resume import Resumed, compare
from bench.chaos.scenarios import FAULTS, JOBS, Fault
from bench.markdown import table

SMALL_DISK_SIZE = "48m"  #: size of the disk that the fault fills
PARALLEL = 3  #: worlds that run in parallel
COMPARED = ("engine-rendering", "kill-engine")
"""Faults after which images are compared with those rendered without a crash."""
NONE_RESUMED = Resumed()
LIMIT_SECONDS = 2400.0  #: maximum time for one world


@dataclass(frozen=True, slots=True)
class Count:
    """The outcomes of the requests under one fault."""

    fault: str
    fault_count: int
    """How often the fault occurred."""
    fates: dict[str, int]
    duplicated: int
    resumed: Resumed = NONE_RESUMED

    @property
    def acknowledged(self) -> int:
        """Requests that got a response, or whose job is in the database."""
        return sum(self.fates.values()) - self.of(Fate.UNACKNOWLEDGED)

    @property
    def ended(self) -> int:
        return sum(self.of(fate) for fate in ENDED)

    def of(self, fate: Fate) -> int:
        return self.fates.get(fate.value, 0)

    @classmethod
    def of_verdicts(cls, fault: str, fault_count: int, verdicts: Sequence[Verdict]) -> "Count":
        """Counts verdicts. A duplicated job has not ended once, whatever its messages show."""
        fates = Counter(each.fate.value for each in verdicts)
        return cls(fault, fault_count, dict(fates), sum(each.duplicated for each in verdicts))


def report(counts: Iterable[Count]) -> str:
    """A Markdown table: a row for each fault, and one for all of them."""
    head = (
        *("fault", "times", "requests", "ended once", "image", "reason", "cancelled"),
        *("unreachable", "duplicated", "stuck", "lost"),
    )
    rows = []
    counts = list(counts)
    fates = sum((Counter(count.fates) for count in counts), Counter[str]())
    fault_count = sum(each.fault_count for each in counts)
    duplicated = sum(each.duplicated for each in counts)
    for count in (*counts, Count("**all**", fault_count, dict(fates), duplicated)):
        row = (
            count.fault,
            count.fault_count,
            count.acknowledged,
            count.ended - count.duplicated,
            *map(count.of, ENDED),
            count.duplicated,
            *map(count.of, (Fate.STUCK, Fate.LOST)),
        )
        rows.append(row)
    return table(head, rows)


def resumptions(counts: Iterable[Count]) -> str:
    """A sentence about the jobs that a crash interrupted."""
    results = [each.resumed for each in counts]
    compared, same = sum(each.compared for each in results), sum(each.same for each in results)
    return (
        f"Of {compared} jobs that survived a crash of their engine and were rendered again"
        f" without one, {same} have exactly the same image;"
        f" {sum(each.resumed for each in results)} continued from a checkpoint."
    )


async def run_fault(key: str, tries: int, seed: int, folder: Path) -> Count:
    """Tries one fault this many times in one world."""
    fault = FAULTS[key]
    async with open_world(folder, seed) as world:
        await world.start("bot", "engine")
        for _ in range(tries):
            await fault.script(world)
        await world.settle()
        verdicts, fault_count = world.verdicts(), world.fault_count
        resumed = await compare(world) if key in COMPARED else NONE_RESUMED
    for verdict in verdicts:
        if verdict.duplicated or verdict.fate in (Fate.STUCK, Fate.LOST):
            print(f"{key}: {verdict}", file=sys.stderr)
    return replace(Count.of_verdicts(fault.name, fault_count, verdicts), resumed=resumed)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.chaos table", description=__doc__)
    parser.add_argument(
        "--jobs", type=int, default=320, help="about how many in total (default: 320)"
    )
    parser.add_argument("--seed", type=int, default=1, help="random seed (default: 1)")
    parser.add_argument("--only", nargs="+", choices=FAULTS, metavar="FAULT", help=_choices())
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep logs and databases in this folder"
    )
    parser.add_argument("--world", help=argparse.SUPPRESS)
    parsed = parser.parse_args(arguments)
    keys = parsed.only or list(FAULTS)
    if parsed.world:
        count = asyncio.run(run_fault(keys[0], parsed.jobs, parsed.seed, Path(parsed.world)))
        print(json.dumps(asdict(count)))
        return
    tries = max(1, round(parsed.jobs / JOBS / len(keys)))
    counts = asyncio.run(_run_all(keys, tries, parsed.seed, parsed.keep))
    print(report(counts), resumptions(counts), sep="\n\n")
    bad = [each for each in counts if each.duplicated or each.ended < each.acknowledged]
    sys.exit(1 if bad or len(counts) < len(keys) else 0)


def _choices() -> str:
    return "run only these of: " + ", ".join(FAULTS)


async def _run_all(keys: Sequence[str], tries: int, seed: int, keep: Path | None) -> list[Count]:
    """Runs each fault in its own process, a few in parallel. Returns the counts in order."""
    free = asyncio.Semaphore(PARALLEL)
    with tempfile.TemporaryDirectory(prefix="faults-") as temporary:
        base = keep or Path(temporary)

        async def one(key: str) -> Count | None:
            async with free:
                return await _run_in_process(key, tries, seed, base / key)

        counts = await asyncio.gather(*map(one, keys))
    return [count for count in counts if count]


async def _run_in_process(key: str, tries: int, seed: int, folder: Path) -> Count | None:
    fault = FAULTS[key]
    if fault.small_disk and not _can_mount():
        print(f"{fault.name}: skipped, no small disk can be mounted here", file=sys.stderr)
        return None
    await asyncio.to_thread(_recreate, folder)
    options = ("--only", key, "--jobs", str(tries), "--seed", str(seed), "--world", str(folder))
    process = await asyncio.create_subprocess_exec(
        *_on_a_small_disk(fault, folder),
        *(sys.executable, "-m", "bench.chaos", "table", *options),
        stdout=subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        output = b""
    if process.returncode:
        print(f"{fault.name}: the benchmark itself failed", file=sys.stderr)
        return None
    values = json.loads(output)
    count = Count(**values | {"resumed": Resumed(**values["resumed"])})
    print(f"{count.fault}: {count.fates}, {count.duplicated} duplicated", file=sys.stderr)
    return count


def _recreate(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _on_a_small_disk(fault: Fault, folder: Path) -> tuple[str, ...]:
    """A command prefix that makes `data` a small disk in a private mount namespace."""
    if not fault.small_disk:
        return ()
    data = folder / "data"
    data.mkdir()
    mount = f'mount -t tmpfs -o size={SMALL_DISK_SIZE} small "$0" && exec "$@"'
    return ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, str(data))


def _can_mount() -> bool:
    if not shutil.which("unshare"):
        return False
    unshare = ("unshare", "--user", "--map-root-user", "--mount")
    command = (*unshare, "mount", "-t", "tmpfs", "x", "/mnt")
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
