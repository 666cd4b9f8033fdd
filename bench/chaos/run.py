"""`python -m bench.chaos --operations N --seeds K`: random operations under random nemeses.

Each seed is a separate run: two servers with members and moderators who act at the same time, both
processes, and one nemesis after another. The history of a run is written as JSON lines, and
`bench.chaos.checker` finds violations in it.
"""

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from PIL import Image

from bench.chaos.channels import Listener
from bench.chaos.checker import Violation, check
from bench.chaos.clients import (
    MEMBERS,
    MODERATORS,
    Client,
    Guild,
    Moderator,
    Requester,
    Step,
    draw_steps,
)
from bench.chaos.environment import World, open_world
from bench.chaos.fault_injection import FAKE_RENDERER
from bench.chaos.final_state import final_state, pending
from bench.chaos.history import History, Outcome, read
from bench.chaos.nemeses import NEMESES, Nemesis, compile_disk_faults
from bench.markdown import table
from sandbox import Member
from sandbox.discord.permissions import Permission

NAMES = (("Ada", "Bea", "Cleo", "Dan"), ("Eve", "Finn", "Gus"))  #: the members of each server
MODERATOR_NAMES = ("Mo", "Max")
MODERATOR_SHARE = 0.06  #: of all operations, by each moderator
NEMESIS_INTERVAL = (0.5, 5.0)  #: least and most seconds between two nemeses
PATIENCE = 150  #: seconds for deletions to be carried out at the end


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--operations", type=int, default=1000, help="about how many in total (default: 1000)"
    )
    parser.add_argument(
        "--seeds", type=int, default=3, help="number of runs that share them (default: 3)"
    )
    parser.add_argument(
        "--first-seed", type=int, default=1, help="seed of the first run (default: 1)"
    )
    parser.add_argument("--calm", action="store_true", help="run without nemeses")
    parser.add_argument(
        "--out", type=Path, default=Path("out/chaos"), help="folder for the histories"
    )
    parser.add_argument(
        "--check", type=Path, nargs="+", metavar="FILE", help="check these histories instead"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    add_arguments(parser)
    parsed = parser.parse_args(arguments)
    if parsed.check:
        histories = [read(path) for path in parsed.check]
    else:
        out = parsed.out.resolve()
        out.mkdir(parents=True, exist_ok=True)
        histories = []
        for seed in range(parsed.first_seed, parsed.first_seed + parsed.seeds):
            count = parsed.operations // parsed.seeds
            path = out / f"history-{seed}.jsonl"
            history = asyncio.run(run(seed, count, out / f"run-{seed}", parsed.calm))
            history.write(path)
            print(f"seed {seed}: {len(history.operations)} operations, {path}", file=sys.stderr)
            histories.append(history)
    found = [(history.seed, violation) for history in histories for violation in check(history)]
    print(report(histories, found))
    return 1 if found or never_ok(histories) else 0


def report(histories: Sequence[History], found: Sequence[tuple[int, Violation]]) -> str:
    """The operations, nemeses and violations, as Markdown."""
    rows: list[tuple[object, ...]] = []
    total: Counter[Outcome] = Counter()
    for name, outcomes in sorted(outcomes_of(histories).items()):
        total += outcomes
        rows.append((name, *(outcomes[each] for each in Outcome)))
    rows.append(("**all**", *(total[each] for each in Outcome)))
    nemeses = Counter(name for history in histories for _, name in history.nemeses)
    times = [(each.name, nemeses[each.name]) for each in NEMESES]
    lines = [table(("operation", "ok", "fail", "unknown"), rows), ""]
    lines += [table(("nemesis", "times"), times), "", f"{len(found)} violations."]
    lines += [f"- seed {seed}: {violation}" for seed, violation in found]
    lines += [f"- “{name}” never succeeded, so it was not checked" for name in never_ok(histories)]
    return "\n".join(lines)


def outcomes_of(histories: Iterable[History]) -> dict[str, Counter[Outcome]]:
    """The outcomes of each operation."""
    outcomes: dict[str, Counter[Outcome]] = {}
    for history in histories:
        for each in history.operations:
            outcomes.setdefault(each.name, Counter())[each.outcome] += 1
    return outcomes


def never_ok(histories: Sequence[History]) -> list[str]:
    """Operations that never succeeded, so that checking them proves nothing."""
    outcomes = outcomes_of(histories)
    return [
        name
        for name in (*MEMBERS, *MODERATORS, "mod resume", "mod unblock")
        if sum(outcomes.get(name, Counter()).values()) >= 5 and not outcomes[name][Outcome.OK]
    ]


async def run(seed: int, count: int, folder: Path, calm: bool) -> History:
    """One run. The seed determines the operations and the nemeses."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="chaos-", dir=folder) as temporary:
        async with open_world(Path(temporary), seed) as world:
            world.extra_environment = {FAKE_RENDERER: "1"} | compile_disk_faults(Path(temporary))
            history = History(seed)
            listener = Listener(history)
            world.discord.world.listen(listener.on_event)
            clients = _clients(world, history, listener)
            steps = _steps(random.Random(seed), clients, count)
            await world.start("bot")
            # Members make requests while the engine starts.
            starting = asyncio.create_task(world.start("engine"))
            await _run_clients(world, history, clients, steps, calm)
            await starting
            await _settle(world, clients)
            await world.stop("bot", "engine")
            history.final = await asyncio.to_thread(
                final_state, world.database, world.database.parent, listener.public_texts()
            )
            await asyncio.to_thread(_keep_logs, Path(temporary), folder)
            return history


def _keep_logs(world: Path, folder: Path) -> None:
    for log in world.glob("*.log"):
        log.replace(folder / log.name)


def _clients(world: World, history: History, listener: Listener) -> list[Client]:
    discord = world.discord.world
    images = [_image(world.folder / f"{name}.png", number) for number, name in enumerate("abc")]
    guilds = [world.discord.guild, discord.add_guild("Others", discord.application.owner)]
    clients: list[Client] = []
    for guild, names, name in zip(guilds, NAMES, MODERATOR_NAMES, strict=True):
        people = []
        for member in names:
            user, channel = discord.add_user(member), discord.add_channel(guild, member.lower())
            discord.join(guild, user)
            people.append(Member(world.discord.client, user.id, member, channel.id))
        server = Guild(
            guild.id,
            [person.channel_id for person in people],
            [person.id for person in people],
        )
        clients += [Requester(world, history, listener, server, each, images) for each in people]
        role = discord.add_role(guild, "moderators", int(Permission.MANAGE_MESSAGES))
        user = discord.add_user(name)
        discord.join(guild, user, [role.id])
        moderator = Member(world.discord.client, user.id, name, people[0].channel_id)
        clients.append(Moderator(world, history, listener, server, moderator))
    return clients


def _image(path: Path, number: int) -> Path:
    Image.new("RGB", (64, 64), (80 * number, 40, 200)).save(path)
    return path


def _steps(rng: random.Random, clients: Sequence[Client], count: int) -> list[list[Step]]:
    moderators = sum(isinstance(client, Moderator) for client in clients)
    each = round(count * MODERATOR_SHARE)
    others = round((count - moderators * each * 1.5) / (len(clients) - moderators))
    return [
        draw_steps(rng, MODERATORS, each)
        if isinstance(client, Moderator)
        else draw_steps(rng, MEMBERS, others)
        for client in clients
    ]


async def _run_clients(
    world: World,
    history: History,
    clients: Sequence[Client],
    steps: Sequence[list[Step]],
    calm: bool,
) -> None:
    tasks = [
        asyncio.create_task(client.run(plan)) for client, plan in zip(clients, steps, strict=True)
    ]
    nemeses = asyncio.create_task(_run_nemeses(world, history)) if not calm else None
    try:
        await asyncio.gather(*tasks)
    finally:
        if nemeses:
            nemeses.cancel()
            with suppress(asyncio.CancelledError):
                await nemeses  # raises its exception if it has failed


async def _run_nemeses(world: World, history: History) -> None:
    """Runs one nemesis after another, each once before any is repeated."""
    rng = random.Random(-history.seed)
    while True:
        for nemesis in rng.sample(NEMESES, len(NEMESES)):
            await asyncio.sleep(rng.uniform(*NEMESIS_INTERVAL))
            await _run_nemesis(world, history, nemesis, rng)


async def _run_nemesis(
    world: World, history: History, nemesis: Nemesis, rng: random.Random
) -> None:
    history.nemeses.append((history.now(), nemesis.name))
    print(f"{history.now():6.0f} s, {len(history.operations)}: {nemesis.name}", file=sys.stderr)
    try:
        await nemesis.run(world, history, rng)
    except Exception:
        traceback.print_exc()
        raise


async def _settle(world: World, clients: Sequence[Client]) -> None:
    """Ends all faults and pauses, and waits until everything has had time to finish."""
    world.signal(signal.SIGCONT, "bot", "engine")
    world.discord.outage.delay = 0.0
    world.discord.outage.end()
    world.discord.faults.clear()
    world.clear_faults()
    await world.ready()
    for client in clients:
        if isinstance(client, Moderator):
            for _ in range(3):
                await client.resume()
                if client.history.operations[-1].outcome is not Outcome.UNKNOWN:
                    break
    await world.settle()
    for _ in range(PATIENCE):
        if not await asyncio.to_thread(pending, world.database):
            break
        await asyncio.sleep(1)
