"""Untrusted input and the properties that must hold for it, for tests and for `tests.fuzz`.

A check takes one example. It fails with an AssertionError, or with an error that our code should
never raise.
"""

# ruff: noqa: PT017 - an error of the right type is one of two accepted outcomes

import io
import os
import pickle
import re
import resource
import struct
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import discord
from hypothesis import strategies as st
from PIL import Image

from bot.converters import parse_duration
from bot.services.attachments import DISCORD_HOSTS, trusted_url
from core.discord_ui.job_message import job_message
from core.discord_ui.text import escape
from core.moderation import WordRule
from core.prompts import RecipeError, format_prompts, parse_prompts
from core.recipe import Recipe
from core.settings import Settings, SettingsError, load_settings
from core.sizes import parse_size
from core.storage.uploaded_images import MAX_SIDE, ImageError, decode_image
from core.styles import PRESETS
from core.word_filter import first_hit
from tests.hostile_files import gif_beyond_its_screen, jpeg_of_scans, polyglot
from tests.queued_job import queued_job


@dataclass(frozen=True)
class FuzzTarget:
    """A strategy for examples, and a check that must pass for each of them."""

    examples: st.SearchStrategy[Any]
    check: Callable[[Any], None]


# -- prompts -------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *("|", "\\|", "\\\\", "\\", ":", ":0.5", ":10", ":-1", ":1e9", ":nan", " :2", "16:9", "٣"),
        *("@everyone", "@here", "<@1>", "<@&1>", "<#1>", "<t:0>", "</imagine:1>", "<a:b:1>"),
        *("[free](https://x.y)", "https://x.y", "discord.gg/x", "```", "`", "||", "**", "# ", "> "),
        *("\n", "\r", "\t", "\0", "\u2028", "\u202e", "\u200b", "\u200d", "\ufeff", "\ud800"),
        *("\u0301" * 9, "e\u0301", "\u1100\u1161", "\U0001f468\u200d\U0001f469", "\ufdfa", "ﬁ"),
        *("{job}", "{0.__class__}", "%s", "${DISCORD_TOKEN}", "a", "castle", "fog", " ", "-# "),
    ]
)
TEXTS = (
    st.lists(PIECES | st.text(max_size=4), max_size=12).map("".join)
    | st.text(max_size=700)
    | st.tuples(PIECES, st.integers(1, 700)).map(lambda pair: (pair[0] * pair[1])[:700])
)


def prompts_are_parsed_or_refused(text: str) -> None:
    try:
        prompts = parse_prompts(text)
    except RecipeError as error:
        _assert_sentence(error)
        return
    assert parse_prompts(format_prompts(prompts)) == prompts
    recipe = Recipe(include=prompts, exclude=prompts, width=64, height=64, steps=9, seed=1)
    _assert_layout_intact(recipe)


def _assert_sentence(error: RecipeError) -> None:
    text, pointer = error.message, error.pointer()
    assert re.fullmatch(r"[^a-z\n].*\.", text), text
    assert len(text) < 1000
    assert "`" not in pointer
    assert len(pointer) < 300
    assert pointer.count("\n") == (1 if pointer else 0), pointer
    assert 0 <= error.position <= len(error.text)


def _assert_layout_intact(recipe: Recipe) -> None:
    """The job message has exactly its lines, no mentions and no links, and can be sent."""
    text = text_of(job_message(queued_job(recipe=recipe)))
    lines = text.splitlines()
    assert len(lines) == 4 + bool(recipe.exclude or recipe.exclude_images), lines
    assert not re.search(r"@(everyone|here|[!&]?[0-9]{15})|(?<!\\)[<[]|://", text)
    assert "\u202e" not in text
    assert _utf16_units(text) <= 4000
    text.encode()


def text_of(message: discord.ui.LayoutView) -> str:
    """The text of a layout."""
    children = message.walk_children()
    return "\n".join(c.content for c in children if isinstance(c, discord.ui.TextDisplay))


def _utf16_units(text: str | None) -> int:
    return len((text or "").encode("utf-16-le")) // 2


# -- options -------------------------------------------------------------------------------

NUMBERS = st.integers() | st.sampled_from([0, 1, 15, 16, 64, 1024, 2**32, 2**63, 10**5000])
FLOATS = st.floats() | st.integers(-2, 20).map(float)
SIZES = TEXTS | st.from_regex(r"\s*\d{1,6}\s*[x×*]\s*\d{1,6}\s*", fullmatch=True)

OPTIONS = st.fixed_dictionaries(
    {
        "include": TEXTS,
        "exclude": TEXTS,
        "size": SIZES,
        "steps": NUMBERS,
        "seed": st.none() | NUMBERS,
        "strength": FLOATS,
        "count": NUMBERS,
        "style": st.none() | st.sampled_from(sorted(PRESETS)) | TEXTS,
        "rule": TEXTS,
        "length": TEXTS | st.from_regex(r"[0-9]{1,9}[smhdw]?", fullmatch=True),
        "reason": TEXTS,
    }
)


def options_make_a_recipe_or_an_error(options: dict[str, Any]) -> None:
    seconds = parse_duration(options["length"])
    assert seconds is None or 0 < seconds < 10**12
    hit = first_hit([WordRule(options["rule"], False)], options["include"])
    if hit is not None:
        assert "\n" not in hit.found
    failed = job_message(replace(queued_job(), reason=options["reason"]))
    assert _utf16_units(text_of(failed)) <= 4000
    assert len(escape(options["reason"])) <= 4 * len(options["reason"])
    try:
        width, height = parse_size(options["size"])
        recipe = Recipe.make(
            options["include"],
            options["exclude"],
            width=width,
            height=height,
            steps=options["steps"],
            seed=options["seed"],
            strength=options["strength"],
            count=options["count"],
            preset=options["style"],
        )
    except RecipeError as error:
        _assert_sentence(error)
        return
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe
    _assert_layout_intact(recipe)


# -- attachments ---------------------------------------------------------------------------

FORMATS = (
    *("BMP", "DIB", "GIF", "ICO", "IM", "JPEG", "JPEG2000", "MPO", "PCX", "PDF", "PNG", "PPM"),
    *("SGI", "SPIDER", "TGA", "TIFF", "WEBP", "AVIF", "EPS", "DDS", "ICNS", "MSP", "XBM", "QOI"),
)
SVG = (
    b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
)


@cache
def valid_files() -> tuple[bytes, ...]:
    """A small image in every format and mode that Pillow writes, some with several frames."""
    files = []
    frames = [Image.linear_gradient("L").resize((24, 16)).point(lambda v: v // 2) for _ in "abc"]
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "my home"
    for file_format in FORMATS:
        for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"):
            for more in ({}, {"save_all": True, "append_images": frames[1:]}, {"exif": exif}):
                buffer = io.BytesIO()
                try:
                    frames[0].convert(mode).save(buffer, file_format, **more)
                except Exception:
                    continue
                files.append(buffer.getvalue())
    special = (SVG, gif_beyond_its_screen(60_000, 60_000), jpeg_of_scans(64, 3000))
    return tuple(dict.fromkeys((*files, *special)))


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A valid file with up to four edits: truncated, overwritten, inserted into, or a polyglot."""
    data = bytearray(draw(st.sampled_from(valid_files())))
    for _ in range(draw(st.integers(0, 4))):
        position = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.sampled_from(["cut", "byte", "number", "insert", "double", "polyglot"])):
            case "cut":
                del data[position:]
            case "byte":
                data[position : position + 1] = draw(st.binary(min_size=1, max_size=1))
            case "number":
                number = draw(st.sampled_from([0, 1, 0x7FFF, 0xFFFF, 2**31 - 1, 2**32 - 1]))
                form = draw(st.sampled_from(["<I", ">I", "<H", ">H"]))
                packed = struct.pack(form, number & (0xFFFF if form[1] == "H" else 0xFFFFFFFF))
                data[position : position + len(packed)] = packed
            case "insert":
                data[position:position] = draw(st.binary(max_size=40))
            case "double":
                data[position:position] = draw(st.sampled_from(valid_files()))
            case _:
                data = bytearray(polyglot(bytes(data)))
    return bytes(data)


URLS = st.lists(
    st.sampled_from(
        [
            *("https://", "http://", "ftp://", "//", "/", "\\", "@", ":", "#", "?", "%2e", "%00"),
            *("cdn.discordapp.com", "media.discordapp.net", "example.org", "127.0.0.1", "[::1]"),
            *(":443", ":80", ":x", "user", "\t", "\n", " ", ".", "。", "a.png", "discord.com"),
        ]
    )
    | st.text(max_size=3),
    max_size=8,
).map("".join)

API = "https://discord.com/api/v10"


def attachments_are_decoded_or_refused(example: tuple[bytes, str]) -> None:
    data, address = example
    if (url := trusted_url(address, API)) is not None:
        assert url.scheme == "https"
        assert url.host in DISCORD_HOSTS | {"discord.com"}
        assert url.port == 443
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = decode_image(data)
    except ImageError as error:
        assert re.fullmatch(r"[A-Z].*\.", str(error))
        return
    assert (image.mode, image.info) == ("RGB", {})
    assert 0 < min(image.size) <= max(image.size) <= MAX_SIDE
    assert not image.getexif()


# -- settings ------------------------------------------------------------------------------

SECRET = "MTIz.abcdef.secret-of-the-host"

LINES = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "export ", "  ", "#"]),
    st.sampled_from([*(name.upper() for name in Settings.model_fields), "OTHER", ""]),
    st.sampled_from(["=", " = ", ":", "", "=="]),
    st.sampled_from(
        [
            *("", SECRET, f"'{SECRET}", f'"{SECRET}"', f"{SECRET} x", f"{SECRET}\u00e9", "\0"),
            *("${DISCORD_TOKEN}", "${HOME:-x}", "${", "$(touch sprung)", "`touch sprung`"),
            *("1", "-1", "1e400", "nan", "9" * 5000, "auto", "cuda:0", "DEBUG", "9101"),
            *("http://127.0.0.1:1/", "https://a b", "file:///etc/passwd", "../../x", "own=2"),
            *("!!python/object/apply:os.system [id]", '{"a": 1}', "[1, 2]", "0.0.0.0:9101"),
        ]
    )
    | st.text(max_size=20),
)


def settings_are_read_or_refused(content: bytes) -> None:
    """The error message never contains the token, whatever is wrong with the settings."""
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, clear=True):
        path = Path(folder) / ".env"
        path.write_bytes(content)
        try:
            settings = load_settings(path)
        except SettingsError as error:
            assert SECRET not in str(error)
            return
        finally:
            assert os.listdir(folder) == [".env"]
        if settings.discord_token is not None:
            assert "discord_token=SecretStr('**********')" in repr(settings)
            assert re.fullmatch(r"[\w.-]+", settings.token(), re.ASCII)
        assert re.match(r"https?://[!-~]+$", settings.discord_api_url), settings.discord_api_url
        assert "\0" not in f"{settings.database_path}{settings.data_dir}"


# -- checkpoints ---------------------------------------------------------------------------

PICKLES = st.lists(
    st.sampled_from(
        [
            *(
                b"\x80\x02",
                b"]",
                b"}",
                b")",
                b"(",
                b".",
                b"N",
                b"0",
                b"2",
                b"R",
                b"b",
                b"\x81",
                b"Q",
            ),
            *(b"t", b"u", b"s", b"a", b"e", b"\x85", b"\x86", b"K\x01", b"q\0", b"h\0", b"\x93"),
            *(b"cos\nsystem\n", b"cbuiltins\neval\n", b"c__torch__.M\nM\n", b"\x8c\x02os"),
            *(b"ctorch\nFloatStorage\n", b"ctorch._utils\n_rebuild_tensor_v2\n"),
            *(b"ccollections\nOrderedDict\n", b"X\x01\0\0\0a", b"X\x07\0\0\0storage"),
            *(b"r\xff\xff\xff\x0f", b"\x96\0\0\0\0\x10\0\0\0", b"\x8a\x08" + b"\x7f" * 8),
            *(b"csubprocess\nPopen\n", b"ctorch.serialization\nload\n", b"X\x02\0\0\0id"),
        ]
    )
    | st.binary(max_size=6),
    max_size=30,
).map(b"".join)


@cache
def valid_checkpoints() -> dict[str, bytes]:
    """A small checkpoint in each format, by file name."""
    import torch
    from safetensors.torch import save

    state = {"a": torch.zeros(4), "b.c": torch.ones(2, 3)}
    packed, legacy, scripted = io.BytesIO(), io.BytesIO(), io.BytesIO()
    torch.save({"state_dict": state}, packed)
    torch.save(state, legacy, _use_new_zipfile_serialization=False)
    module = torch.nn.Linear(2, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(module), scripted)
    return {
        "packed.pt": packed.getvalue(),
        "legacy.pt": legacy.getvalue(),
        "scripted.pt": scripted.getvalue(),
        "plain.safetensors": save(state),
        "pickle.pt": pickle.dumps({"a": 1}, protocol=2),
    }


@st.composite
def checkpoints(draw: st.DrawFn) -> tuple[str, bytes]:
    """A file name, and a damaged checkpoint, one with another pickle, or just a pickle."""
    name, content = draw(st.sampled_from(sorted(valid_checkpoints().items())))
    match draw(st.sampled_from(["damage", "pickle", "bare"])):
        case "pickle" if zipfile.is_zipfile(io.BytesIO(content)):
            content = _with_pickle(content, draw(PICKLES), draw(st.booleans()))
        case "bare":
            content = draw(PICKLES)
        case _:
            damaged = bytearray(content)
            for _ in range(draw(st.integers(1, 6))):
                damaged[draw(st.integers(0, len(damaged) - 1))] = draw(st.integers(0, 255))
            content = bytes(damaged[: draw(st.integers(0, len(damaged)))] or damaged)
    return name, content


def _with_pickle(archive: bytes, record: bytes, packed: bool) -> bytes:
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            is_pickle = name.endswith("/data.pkl")
            compression = zipfile.ZIP_DEFLATED if is_pickle and packed else zipfile.ZIP_STORED
            new.writestr(name, record if is_pickle else old.read(name), compression)
    return changed.getvalue()


HARMFUL_EVENTS = re.compile(
    r"os\.(system|exec|fork|posix_spawn|mkdir|remove|rename|rmdir|chmod)|subprocess"
)
MEMORY_LIMIT = 600 * 2**20  #: bytes of memory that reading a small checkpoint may take

_harmful_events: list[str] | None = None
"""Harmful audit events while a checkpoint is read; None at other times."""


def _audit_hook(event: str, args: tuple[Any, ...]) -> None:
    if _harmful_events is not None and (HARMFUL_EVENTS.match(event) or event.startswith("socket.")):
        _harmful_events.append(event)


def checkpoints_are_read_safely_or_refused(example: tuple[str, bytes]) -> None:
    global _harmful_events
    from engine.models.catalogue import WeightsError
    from engine.models.checkpoints import read_clip, reading

    if not hasattr(sys, "_imagine_audit_hook"):
        sys.addaudithook(_audit_hook)
        sys._imagine_audit_hook = True  # type: ignore[attr-defined]
    name, content = example
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        before, _harmful_events = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, []
        try:
            with reading(path, "mend"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                read_clip(path)
        except WeightsError as error:
            assert re.fullmatch(f"{re.escape(str(path))} cannot be used: .*\\.", str(error))
        finally:
            events, _harmful_events = _harmful_events, None
        needed = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert not events
    assert needed * 1024 < MEMORY_LIMIT


FUZZ_TARGETS = {
    "grammar": FuzzTarget(TEXTS, prompts_are_parsed_or_refused),
    "options": FuzzTarget(OPTIONS, options_make_a_recipe_or_an_error),
    "attachments": FuzzTarget(st.tuples(files(), URLS), attachments_are_decoded_or_refused),
    "checkpoints": FuzzTarget(checkpoints(), checkpoints_are_read_safely_or_refused),
    "settings": FuzzTarget(
        st.binary(max_size=80)
        | st.lists(LINES, max_size=6).map(
            lambda lines: "\n".join(lines).encode("utf-8", "surrogatepass")
        ),
        settings_are_read_or_refused,
    ),
}
