"""The prompts of `bench.quality.things`, and what their images must show."""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from bench.quality.prompts import BenchmarkPrompt
from training.data.concepts import Concept
from training.data.drawn_captions import with_article
from training.data.drawn_scenes import COLOURS, Scene

HELD_OUT = Path(__file__).with_name("held_out.toml")
SHARES = {"en": 80, "foreign": 120, "description": 60, "ground": 48, "landscape": 36, "two": 48,
          "exclude": 24, "style": 48}  # fmt: skip
"""Prompts of each kind, if there is no limit."""
COLOURED = [colour for colour in COLOURS if colour not in ("white", "gray", "black", "brown")]


@dataclass(frozen=True, slots=True)
class Request:
    """A prompt, and what its image must show. `things` and `excluded` are indices of concepts."""

    kind: str
    include: str
    things: tuple[int, ...]
    ground: str = ""
    style: str = ""
    exclude: str = ""
    excluded: int = -1

    @property
    def prompt(self) -> BenchmarkPrompt:
        return BenchmarkPrompt(self.kind, self.include, Scene(), frozenset(), self.exclude)

    def caption(self, concepts: Sequence[Concept]) -> BenchmarkPrompt:
        """The prompt as a contact sheet shows it, whose font has no Japanese."""
        if self.kind != "ja":
            return self.prompt
        return replace(self.prompt, include=f"in Japanese: {concepts[self.things[0]].name}")


def make_requests(
    concepts: Sequence[Concept], shown: Sequence[int], limit: int | None, practice: bool
) -> list[Request]:
    """The prompts, kind by kind; with a limit, fewer of each kind in the same proportions.

    `shown` are the concepts to request. Practice prompts have other phrasings and things.
    """
    share = 1.0 if limit is None else limit / sum(SHARES.values())
    held_out = tomllib.loads(HELD_OUT.read_text())
    table = {**held_out, **held_out["practice"]} if practice else held_out
    return [
        request
        for kind, count in SHARES.items()
        for request in _of_kind(
            kind, max(2, round(count * share)), concepts, shown, table, Random(f"{practice} {kind}")
        )
    ]


def _of_kind(
    kind: str,
    count: int,
    concepts: Sequence[Concept],
    shown: Sequence[int],
    table: dict[str, Any],
    random: Random,
) -> Iterator[Request]:
    things = random.sample(list(shown), k=2 * count)
    by_name = {concept.name: i for i, concept in enumerate(concepts)}
    if kind == "description":
        pairs = [(p, by_name[d["thing"]]) for d in table["descriptions"] for p in d["prompts"]]
        chosen = random.sample(pairs, k=min(count, len(pairs)))
        yield from (Request(kind, text, (thing,)) for text, thing in chosen)
    elif kind == "exclude":
        for have, without in table["excludes"]["pairs"][: max(1, count // 2)]:
            one, other = by_name[have], by_name[without]
            text = f"{with_article(concepts[one].name)} and {with_article(concepts[other].name)}"
            yield Request(kind, text, (one,), excluded=other)
            yield Request(kind, text, (one,), exclude=without, excluded=other)
    else:
        for index in range(count):
            yield _named(kind, index, things, concepts, table, random)


def _named(
    kind: str,
    index: int,
    things: list[int],
    concepts: Sequence[Concept],
    table: dict[str, Any],
    random: Random,
) -> Request:
    thing, other = things[index], things[-1 - index]
    named = with_article(concepts[thing].name)
    if kind == "ground":
        colour = COLOURED[index % len(COLOURED)]
        text = random.choice(table["scenes"]["ground"]).format(t=named, c=colour)
        return Request(kind, text, (thing,), ground=colour)
    if kind == "landscape":
        return Request(kind, random.choice(table["scenes"]["landscape"]).format(t=named), (thing,))
    if kind == "two":
        text = random.choice(table["scenes"]["two"]).format(
            a=named, b=with_article(concepts[other].name)
        )
        return Request(kind, text, (thing, other))
    if kind == "style":
        style = tuple(table["styles"])[index % len(table["styles"])]
        text = random.choice(table["styles"][style]).format(t=named)
        return Request(kind, text, (thing,), style=style)
    language = "en" if kind == "en" else ("de", "es", "fr", "ja")[index % 4]
    name = named if language == "en" else concepts[thing].names[language]
    return Request(language, random.choice(table["phrasings"][language]).format(t=name), (thing,))
