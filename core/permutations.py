r"""Permutations: one text with alternatives in braces stands for several prompts.

`a {red, green} star on {white, black}` stands for four: each alternative of one pair of braces is
combined with each of the other. Anything else in braces belongs to the alternative, even weights
and bars: `a castle | {fog:0.5, sunset:2}`. An alternative may be empty. `\{`, `\}` and, within
braces, `\,` are literal characters; `\\` before one of them is a literal backslash. Braces don't
nest.
"""

import itertools
import math
import re
from collections.abc import Iterator

from core.i18n import gettext
from core.prompts import RecipeError, one_line

MAX_PERMUTATIONS = 25
"""How many requests one command can make."""

_SIGN = re.compile(r"(?P<slashes>\\*)(?P<sign>[{},])")
_BRACE = re.compile(r"(\\*)([{}])")


def permutations(include: str, exclude: str) -> list[tuple[str, str]]:
    """Every combination of the alternatives in two texts, the last one varying first.

    Raises RecipeError if the braces are wrong or there are more than `MAX_PERMUTATIONS`.
    """
    included, excluded = alternatives(include), alternatives(exclude)
    count = math.prod(map(len, (*included, *excluded)))
    if count > MAX_PERMUTATIONS:
        raise RecipeError(
            gettext(
                "These braces make {n} requests. One command can make up to {most}.",
                n=count,
                most=MAX_PERMUTATIONS,
            )
        )
    return list(itertools.product(_joined(included), _joined(excluded)))


def expand(text: str) -> list[str]:
    """Every combination of the alternatives in a text. Raises RecipeError."""
    return list(_joined(alternatives(text)))


def escape_braces(text: str) -> str:
    """Escapes the braces of a text, so that it stands only for itself."""
    return _BRACE.sub(r"\1\1\\\2", text)


def alternatives(text: str) -> list[list[str]]:
    """The pieces of a text, alternately outside and inside braces, each with its alternatives.

    Pieces outside have only one. Raises RecipeError, which points at the wrong brace.
    """
    if not _BRACE.search(text):
        return [[text]]
    text = one_line(text)
    pieces, opened, end = [[""]], -1, 0
    for found in _SIGN.finditer(text):
        slashes, sign, position = len(found["slashes"]), found["sign"], found.start("sign")
        if sign == "," and opened < 0:
            continue
        pieces[-1][-1] += text[end : found.start()] + "\\" * (slashes // 2)
        end = found.end()
        if slashes % 2:
            pieces[-1][-1] += sign
        elif sign == ",":
            pieces[-1].append("")
        elif (sign == "{") == (opened >= 0):
            raise RecipeError(_brace_help(), text, position)
        else:
            opened = position if sign == "{" else -1
            pieces.append([""])
    if opened >= 0:
        raise RecipeError(_brace_help(), text, opened)
    pieces[-1][-1] += text[end:]
    return [
        [choice.strip() for choice in piece] if index % 2 else piece
        for index, piece in enumerate(pieces)
    ]


def _joined(pieces: list[list[str]]) -> Iterator[str]:
    return map("".join, itertools.product(*pieces))


def _brace_help() -> str:
    return gettext(
        "Braces hold alternatives, such as {example}, and can't be nested. Write {brace} for a"
        " brace.",
        example="`a {red, green} star`",
        brace="`\\{`",
    )
