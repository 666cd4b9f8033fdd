"""`python -m bench.quality.understanding`: how often the vocabulary finds what a prompt requests.

Prompts request every thing by its name, in five languages, in the phrasings of `held_out.toml`, and
some things by their descriptions. A prompt counts if the right thing is found, and no other. Some
words were added to the vocabulary for the practice phrasings; a few of them occur in the held-out
ones, too. How similar a description must be to a thing was tuned on the practice descriptions.

The sentences of `sentences.toml` request one thing and mention others. Those of
`scene_sentences.toml` request things on a background, in a landscape, and side by side.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from bench.markdown import table
from bench.quality.thing_requests import HELD_OUT
from core.understanding.composer import DRAWN_SHAPE, Composer
from core.understanding.composition import Part
from core.understanding.vocabulary import Vocabulary, vocabulary_of
from training.data.drawn_captions import with_article

SENTENCES = Path(__file__).with_name("sentences.toml")
SCENES = Path(__file__).with_name("scene_sentences.toml")
THINGS_EACH = 4
"""Things with which each sentence is tried."""
SHADES = {
    "red": {"en": "red", "de": "rot", "es": "rojo", "fr": "rouge", "ja": "赤"},
    "blue": {"en": "blue", "de": "blau", "es": "azul", "fr": "bleu", "ja": "青"},
    "purple": {"en": "purple", "de": "lila", "es": "morado", "fr": "violet", "ja": "紫"},
    "green": {"en": "green", "de": "grün", "es": "verde", "fr": "vert", "ja": "緑"},
    "lightblue": {"en": "light blue"},
}
"""The backgrounds to request, with their names in each language."""
LANGUAGES = {"en": "English", "de": "German", "es": "Spanish", "fr": "French", "ja": "Japanese"}
KINDS = {"ground": "on a ground", "landscape": "in a landscape", "two": "two things"}
Prompts = Mapping[str, Any]
"""One part of `held_out.toml`."""


def found_by_name(vocabulary: Vocabulary, language: str, prompts: Prompts) -> Iterator[bool]:
    """For each thing and phrasing: whether the thing alone is found."""
    for name in vocabulary.labels[language]:
        for phrasing in prompts["phrasings"][language]:
            yield _found(vocabulary, language, phrasing, name)


def found_in_sentences(vocabulary: Vocabulary, language: str, prompts: Prompts) -> Iterator[bool]:
    """For each sentence and some things: whether the thing alone is found."""
    random, names = Random("sentences"), list(vocabulary.labels[language])
    for sentence in prompts[language]:
        for name in random.sample(names, THINGS_EACH):
            yield _found(vocabulary, language, sentence, name)


def _found(vocabulary: Vocabulary, language: str, phrasing: str, name: str) -> bool:
    named = _name_in_text(vocabulary, language, name)
    return vocabulary.understand(phrasing.replace("{t}", named)).things == (name,)


def _name_in_text(vocabulary: Vocabulary, language: str, name: str) -> str:
    """A thing's name as a sentence contains it, in English with its article."""
    label = vocabulary.labels[language][name]
    return with_article(label) if language == "en" else label


def composed(
    vocabulary: Vocabulary, language: str, kind: str, prompts: Mapping[str, Any]
) -> Iterator[bool]:
    """For each sentence that requests a scene, and some things: whether it is understood.

    Any landscape counts, even if weather is found besides the thing.
    """
    random, names = Random("scenes"), list(vocabulary.labels[language])
    composer = Composer(vocabulary)
    shades = {shade: words[language] for shade, words in SHADES.items() if language in words}
    for sentence in prompts[kind][language]:
        for _ in range(THINGS_EACH):
            things, shade = random.sample(names, 2), random.choice(list(shades))
            one, other = (_name_in_text(vocabulary, language, thing) for thing in things)
            text = sentence.replace("{t}", one).replace("{a}", one).replace("{b}", other)
            scene = composer.compose([text.replace("{c}", shades[shade])])
            shown = [things_shown(vocabulary, part) for part in scene.parts]
            if kind == "ground":
                ground = scene.colour == tuple(vocabulary.backgrounds[shade])
                yield ground and shown == [(things[0],)]
            elif kind == "landscape":
                yield bool(scene.landscape) and (things[0],) in shown and len(shown) < 3
            else:
                yield sorted(shown) == sorted((thing,) for thing in things)


def misread_as_scene(vocabulary: Vocabulary, language: str, prompts: Prompts) -> Iterator[bool]:
    """For each sentence that requests one thing, and some things: whether it is read as a scene."""
    random, names = Random("uncalled"), list(vocabulary.labels[language])
    composer = Composer(vocabulary)
    for sentence in prompts[language]:
        for name in random.sample(names, THINGS_EACH):
            text = sentence.replace("{t}", _name_in_text(vocabulary, language, name))
            scene = composer.compose([text])
            yield bool(scene.colour or scene.landscape or len(scene.parts) > 1)


def things_shown(vocabulary: Vocabulary, part: Part) -> tuple[str, ...]:
    """The things that a part shows. A drawn shape is a thing only with its colour: "red circle"."""
    if not part.drawn:
        return vocabulary.understand(part.text).things
    before, after = DRAWN_SHAPE.split("{}")
    colour = next(name for name, rgb in vocabulary.backgrounds.items() if rgb == part.colour)
    shape = part.text.removeprefix(before).removesuffix(after)
    return vocabulary.understand(f"{colour} {shape}").things


def found_by_description(vocabulary: Vocabulary, prompts: Prompts) -> Iterator[bool]:
    """For each description: whether its thing alone is found."""
    for row in prompts["descriptions"]:
        for prompt in row["prompts"]:
            yield vocabulary.understand(prompt).things == (row["thing"],)


def main() -> None:
    vocabulary = vocabulary_of("picturebook")
    assert vocabulary
    held_out = tomllib.loads(HELD_OUT.read_text())
    sentences = tomllib.loads(SENTENCES.read_text())
    parts = (held_out["practice"], held_out)
    others = (sentences["practice"], sentences["control"])
    rows = []
    for code, name in LANGUAGES.items():
        rates = [
            partial(found_by_name, vocabulary, code),
            partial(found_in_sentences, vocabulary, code),
        ]
        rows.append((name, *_rates(rates[0], parts), *_rates(rates[1], others)))
    rows.append(("descriptions", *_rates(partial(found_by_description, vocabulary), parts), "", ""))
    header = ("", "practice", "held-out", "practice sentences", "control sentences")
    print(table(header, rows))
    scenes = tomllib.loads(SCENES.read_text())
    halves = (scenes["practice"], scenes["control"])
    rows = [
        (
            name,
            *(r for k in KINDS for r in _rates(partial(composed, vocabulary, code, k), halves)),
            *_rates(partial(misread_as_scene, vocabulary, code), others),
        )
        for code, name in LANGUAGES.items()
    ]
    kinds = (*KINDS.values(), "a scene where none is asked for")
    heading = [f"{kind}, {half}" for kind in kinds for half in ("practice", "control")]
    print(f"\n{table(('', *heading), rows)}")


def _rates(check: Callable[[Prompts], Iterator[bool]], parts: Sequence[Prompts]) -> Iterator[str]:
    """The rate in each part of the prompts, and how many there are."""
    for results in (list(check(part)) for part in parts):
        yield f"{100 * sum(results) / len(results):.0f} % of {len(results)}"


if __name__ == "__main__":
    main()
