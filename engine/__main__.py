"""`python -m engine`: the worker; `render`, `weights` and `doctor` beside it.

Everything that may be slow to import is imported by the command that needs it.
"""

import argparse
import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.prompts import RecipeError, parse_weight
from core.recipe import MAX_COUNT, PicturePrompt, Recipe, parse_size
from core.settings import Settings, SettingsError, load_settings
from core.styles import PRESETS, suiting

if TYPE_CHECKING:
    from engine.models.weights import PairStatus

STEPS = 100  #: of `render`, unless told otherwise


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit status. What can be foreseen ends in one sentence.

    The worker's status is 0 when told to stop, 78 (EX_CONFIG) when a person has to mend something
    first, and 1 when a later try may help, as the bot's.
    """
    # Threads that wait for work spin by default, and slow down whoever shares the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    parsed = _parser().parse_args(arguments)
    if parsed.ray:
        os.environ["RAY_ADDRESS"] = parsed.ray
    command: Callable[[argparse.Namespace, Settings], int] = parsed.command
    try:
        return command(parsed, load_settings())
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("Stopped.", file=sys.stderr)
        return 130
    except Exception as error:
        if (sentence := _foreseen(error)) is None:
            raise
        print(sentence, file=sys.stderr)
        return 1 if command is not _work or _passes(error) else os.EX_CONFIG


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m engine", description="The engine paints what the queue holds."
    )
    parser.set_defaults(command=_work)
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="paint on this Ray cluster: auto, or HOST:PORT (default: the setting RAY_ADDRESS)",
    )
    commands = parser.add_subparsers(title="other commands")

    render = commands.add_parser("render", help="paint here and now, without Discord")
    render.set_defaults(command=_render)
    render.add_argument("include", nargs="?", help='what to paint: "a castle | fog:0.5"')
    render.add_argument("--exclude", help="what to keep away")
    for option, what in (("--like", "that the painted one should be"), ("--unlike", "to avoid")):
        render.add_argument(
            option,
            action="append",
            metavar="FILE[=WEIGHT]",
            help=f"a picture {what}; may be given several times",
        )
    render.add_argument("--preset", metavar="NAME", help=_presets())
    render.add_argument("--pair", help="the networks that paint (default: the setting PAIR)")
    render.add_argument("--steps", type=int, help=f"default: {STEPS}")
    render.add_argument("--seed", type=int, help="default: drawn at random, and shown")
    render.add_argument("--size", help="such as 64x64; default: what the pair likes best")
    render.add_argument("--count", type=int, help=f"pictures, 1 to {MAX_COUNT}")
    render.add_argument("--init", type=Path, metavar="FILE", help="a picture to start from")
    render.add_argument("--strength", type=float, help="how firmly that picture holds, 0 to 1")
    render.add_argument(
        "--again",
        type=Path,
        metavar="FILE.png",
        help="a picture painted before, to paint once more; only --seed, --steps and --out with it",
    )
    render.add_argument("--out", type=Path, default=Path("out"), metavar="DIR", help="default: out")

    weights = commands.add_parser("weights", help="the networks' files: list, pull, check")
    actions = weights.add_subparsers(required=True, metavar="list | pull PAIR | check [PAIR]")
    actions.add_parser("list", help="what there is").set_defaults(command=_list)
    pull = actions.add_parser("pull", help="fetch a pair, or go on with it")
    pull.add_argument("pair")
    pull.set_defaults(command=_pull)
    check = actions.add_parser("check", help="compare every byte with its checksum")
    check.add_argument("pair", nargs="?", help="default: the setting PAIR")
    check.set_defaults(command=_check)

    doctor = commands.add_parser("doctor", help="look whether all is well, and say what is not")
    doctor.set_defaults(command=_doctor)
    return parser


def _work(parsed: argparse.Namespace, settings: Settings) -> int:
    settings.token()  # missed at once, not after the imports
    from core.logging import configure_logging
    from core.storage.paths import keep_files_private
    from engine.service import serve

    keep_files_private()
    configure_logging(settings)

    async def until_told_to_stop() -> None:
        here = asyncio.current_task()
        assert here
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, here.cancel)
        await serve(settings)

    try:
        asyncio.run(until_told_to_stop())
    except asyncio.CancelledError:
        return 0  # it was told to stop, and did
    return 0


def _render(parsed: argparse.Namespace, settings: Settings) -> int:
    from engine.media import read_metadata
    from engine.render import paint

    before = read_metadata(parsed.again) if parsed.again else None
    if before:
        settings = settings.model_copy(update={"model": before.pair})
        recipe = _asked_again(parsed, before.recipe.alone(before.row), settings)
    else:
        settings = settings.model_copy(update={"model": parsed.pair or settings.model})
        recipe = _asked(parsed, settings)
    print(f"{recipe.size}, {recipe.steps} steps, seed {recipe.seed}", file=sys.stderr)
    for path in paint(recipe, settings, parsed.out, before):
        print(path)
    return 0


def _asked(parsed: argparse.Namespace, settings: Settings) -> Recipe:
    """What the options say; pictures that it needs are kept in the folder that is painted into."""
    from engine.models import catalogue

    side = catalogue.find(settings.model).side
    width, height = parse_size(parsed.size) if parsed.size else (side, side)
    given = {
        name: value
        for name in ("seed", "strength", "count", "preset")
        if (value := getattr(parsed, name)) is not None
    }
    return Recipe.make(
        parsed.include or "",
        parsed.exclude or "",
        width=width,
        height=height,
        steps=STEPS if parsed.steps is None else parsed.steps,
        include_pictures=[_picture_prompt(text, parsed.out) for text in parsed.like or ()],
        exclude_pictures=[_picture_prompt(text, parsed.out) for text in parsed.unlike or ()],
        initial=_kept(parsed.init, parsed.out) if parsed.init else None,
        **given,
    )


def _asked_again(parsed: argparse.Namespace, recipe: Recipe, settings: Settings) -> Recipe:
    """A recipe of before, with another seed or steps if the options say so."""
    from core.storage.uploaded_images import gather_initial

    everything_else = ("include", "exclude", "like", "unlike", "preset", "pair", "size", "count")
    if any(getattr(parsed, name) is not None for name in (*everything_else, "init", "strength")):
        raise RecipeError("With --again only --seed, --steps and --out can be said.")
    gather_initial(recipe.pictures, (parsed.again.parent, settings.data_dir), parsed.out)
    if parsed.seed is not None:
        recipe = recipe.again(parsed.seed)
    return recipe if parsed.steps is None else recipe.within(parsed.steps)


def _picture_prompt(text: str, folder: Path) -> PicturePrompt:
    """`FILE` or `FILE=WEIGHT`; what follows the last `=` is a weight if it looks like one."""
    file, weight = text, 1.0
    if meant := re.fullmatch(r"(.+)=([-+]?[0-9][0-9.,]*|[-+]?\.[0-9]+)", text):
        file, weight = meant[1], parse_weight(meant[2])
    return PicturePrompt(_kept(Path(file), folder), weight)


def _kept(file: Path, folder: Path) -> str:
    """The name in a recipe of a picture in a file, a copy of which is kept in the folder."""
    from core.storage.uploaded_images import read_outside_picture, store_initial

    return store_initial(read_outside_picture(file.read_bytes()), folder)


def _presets() -> str:
    plain = suiting("sketch")
    others = [name for name in PRESETS if name not in plain]
    return (
        f"a style; with any pair {', '.join(plain)}; with pairs that take any words "
        f"{', '.join(others)}"
    )


def _list(parsed: argparse.Namespace, settings: Settings) -> int:
    from engine.models import weights

    for pair in weights.listing(settings.data_dir):
        _print_pair(pair)
    return 0


def _pull(parsed: argparse.Namespace, settings: Settings) -> int:
    from engine.models import catalogue, weights

    pair = weights.pull(catalogue.find(parsed.pair), settings.data_dir)
    _print_pair(pair)
    return 0 if pair.ready else 1


def _check(parsed: argparse.Namespace, settings: Settings) -> int:
    from engine.models import catalogue, weights

    pair = weights.check(catalogue.find(parsed.pair or settings.model), settings.data_dir)
    _print_pair(pair)
    if not pair.ready:
        print(f"Mend it with `{pair.entry.mend}`.", file=sys.stderr)
    return 0 if pair.ready else 1


def _print_pair(pair: "PairStatus") -> None:
    entry = pair.entry
    print(f"{entry.name}: {entry.about}; takes {entry.memory:g} GB\n  {pair.folder}")
    for file in pair.files:
        doubt = (
            "" if file.published else " (nobody published its checksum: what comes first counts)"
        )
        print(f"  {file.name:<20} {file.size / 1e6:>8,.1f} MB  {file.state}{doubt}")


def _doctor(parsed: argparse.Namespace, settings: Settings) -> int:
    from core.health import Verdict
    from engine.doctor import examine

    findings = asyncio.run(examine(settings))
    for finding in findings:
        print(f"{finding.verdict:<3}  {finding.sentence}")
    return 1 if any(finding.verdict is Verdict.STOPS for finding in findings) else 0


def _foreseen(error: Exception) -> str | None:
    """The sentence of an error that people can do something about; None of any other."""
    match error:
        case RecipeError():
            return f"{error.message}\n{error.pointer()}".rstrip()
        case SettingsError():
            return str(error)
        case OSError(strerror=str(what)):
            return f"{error.filename}: {what}." if error.filename else f"{what}."
    return str(error) if isinstance(error, _told_in_a_sentence()) else None


def _passes(error: Exception) -> bool:
    """Whether the same may succeed later; else a person has to mend something first."""
    from core.database.jobs import StoreFullError, StoreLockedError
    from engine.delivery.discord_rest import UnreachableError
    from engine.painter import ClusterError

    return isinstance(
        error, (ClusterError, UnreachableError, StoreFullError, StoreLockedError, OSError)
    )


def _told_in_a_sentence() -> tuple[type[Exception], ...]:
    from core.database.jobs import StoreError
    from core.storage.uploaded_images import PictureRefused
    from engine.delivery.discord_rest import DiscordError
    from engine.device import DeviceError
    from engine.models.catalogue import WeightsError
    from engine.painter import ClusterError
    from engine.render import PaintingError

    return (
        ClusterError,
        DeviceError,
        DiscordError,
        PaintingError,
        PictureRefused,
        StoreError,
        WeightsError,
    )


if __name__ == "__main__":
    sys.exit(main())
