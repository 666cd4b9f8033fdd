"""The vocabulary file that the bot reads: which things can be rendered, and the words for them."""

import re
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from PIL import ImageColor
from torch import Tensor

from core.understanding.tokens import fold, without_punctuation
from training.data.captions import words
from training.data.concepts import LANGUAGES, Concept
from training.data.descriptions import texts_by_language, written_synonyms
from training.data.drawn_scenes import COLOURS
from training.data.images import Images
from training.data.sources import STYLES, sources
from training.data.texts import plural

WORDS = Path(__file__).with_name("vocabulary_words.toml")
"""Words that modify things without naming any, and words to ignore."""

SCENERY = Path(__file__).with_name("scenery.toml")
"""Templates of how prompts place things, and on which background."""

_WITH = re.compile(r"\b(with|mit|con|avec)\b")

MIN_SETS = 2
"""How many training sets must show a thing for it to count as one that can be rendered."""

NEAR, VERY_NEAR = 0.5, 0.6
"""A WordNet noun stands for the thing to whose name its cosine is above the first threshold; above
the second one even if it is a CLDR keyword of another thing."""

MAX_SHARING = 30
"""A keyword that more things than this share is ignored."""


def vocabulary(
    images: Images, nouns: list[str], embedded: Tensor, sentences: Tensor, stop_words: set[str]
) -> dict[str, Any]:
    """The table that `core.understanding.vocabulary.Vocabulary` reads.

    `nouns` are English; `embedded` (nouns, d) and `sentences` (concepts, d) are the sentence
    encoder's embeddings of them and of the names. `stop_words` are those of all languages.
    """
    shown = shown_concepts(images)
    concepts = [images.concepts[i] for i in shown]
    table = tomllib.loads(WORDS.read_text())
    names = {fold(c.names[lang]) for c in concepts for lang in LANGUAGES}
    preferred = {fold(word) for listed in table["preferred"].values() for word in listed}
    near = _near_nouns(concepts, nouns, embedded, sentences[shown], VERY_NEAR)
    synonyms = {
        **_near_nouns(concepts, nouns, embedded, sentences[shown], NEAR),
        **_keywords(concepts),
        **near,
    }
    modifiers = {fold(word) for word in table["modifiers"]} | _words_of_captions()
    modifiers |= set(style_words()) | _shade_words()
    # A word for a shape or a landscape that is also a thing's name stands for the thing.
    modifiers -= names - _colour_words()
    modifiers |= _ground_words() - names - preferred - synonyms.keys()
    silent = {fold(word) for word in stop_words if word not in near}
    silent |= {fold(word) for word in table["polite"]}
    silent = silent - names - preferred | {fold(word) for word in table["silent"]}
    own = names | {without_punctuation(c.names[lang]) for c in concepts for lang in LANGUAGES}
    english = [concept.name for concept in concepts]
    written = written_synonyms(english, own | preferred | modifiers | silent)
    synonyms |= {w: n for w, n in written.items() if not _is_kind_of(n, synonyms.get(w, ""))}
    return {
        "labels": {lang: {c.name: c.names[lang] for c in concepts} for lang in LANGUAGES},
        "synonyms": synonyms,
        "preferred": {
            fold(word): name
            for name, listed in table["preferred"].items()
            if name in {c.name for c in concepts}
            for word in listed
        },
        "modifiers": sorted(modifiers),
        "silent": sorted(silent - modifiers),
        "phrases": phrases(),
        "grounds": grounds(),
        "shapes": shapes(),
        "styles": style_words(),
        "black_and_white": black_and_white_phrases(),
        "descriptions": texts_by_language(english),
        "shown": {
            images.concepts[i].name: sorted(
                STYLES.index(images.makers[maker])
                for maker in set(images.maker[images.concept == i].tolist())
                if images.makers[maker] in STYLES
            )
            for i in shown
        },
        "popular": [name for name in table["popular"] if name in {c.name for c in concepts}],
    }


def _is_kind_of(name: str, other: str) -> bool:
    """Whether a name contains another one, as "cat face" contains "cat"."""
    return bool(other) and set(other.split()) < set(name.split())


def shown_concepts(images: Images) -> list[int]:
    """The concepts that enough training sets show, or whose titles are listed by hand."""
    makers = {images.makers.index(s.name) for s in sources().images if s.use == "train"}
    seen: defaultdict[int, set[int]] = defaultdict(set)
    for concept, maker in zip(images.concept.tolist(), images.maker.tolist(), strict=True):
        if maker in makers:
            seen[concept].add(maker)
    return [
        i
        for i, concept in enumerate(images.concepts)
        if len(seen[i]) >= MIN_SETS or (concept.titles and seen[i])
    ]


def _keywords(concepts: list[Concept]) -> dict[str, str]:
    """CLDR's keywords, and the thing that each stands for.

    If several share it, that is the one with the shortest name, preferably a name that contains it.
    """
    found: dict[str, str] = {}
    for language in LANGUAGES:
        by_word: defaultdict[str, list[Concept]] = defaultdict(list)
        for concept in concepts:
            for word in concept.keywords[language]:
                by_word[fold(word)].append(concept)
        for word, sharing in by_word.items():
            if len(sharing) <= MAX_SHARING:
                named = [(fold(c.names[language]), c.name) for c in sharing]
                _, nearest = min(named, key=lambda n: (word not in n[0], len(n[0])))
                found.setdefault(word, nearest)
    return found


def _near_nouns(
    concepts: list[Concept], nouns: list[str], embedded: Tensor, names: Tensor, threshold: float
) -> dict[str, str]:
    cosine, nearest = torch.max(embedded @ names.t(), dim=1)
    return {
        fold(noun): concepts[which].name
        for noun, which, near in zip(nouns, nearest.tolist(), cosine.tolist(), strict=True)
        if near > threshold
    }


def phrases() -> dict[str, dict[str, Any]]:
    """The templates that place things. "A man with a hat" shows a man, not a man beside a hat."""
    kept = ("articles", "ground", "left", "above", "and", "numbers", "place", "size", "colours")
    tables = {lang: {name: words()[lang][name] for name in kept} for lang in LANGUAGES}
    for table in tables.values():
        table["and"] = [t for t in dict.fromkeys(table["and"]) if not _WITH.search(t)]
    for name, forms in tables["de"]["colours"].items():  # as after an article: "einem roten Grund"
        stems = {form.removesuffix("er") for form in forms.split("/") if form.endswith("er")}
        tables["de"]["colours"] = {
            **tables["de"]["colours"],
            name: "/".join([forms, *(f"{stem}en" for stem in sorted(stems))]),
        }
    for language, scenery in _scenery().items():
        table, shades = tables[language], scenery.pop("shades")
        for relation, templates in scenery.pop("relations").items():
            table[relation] = [*table.get(relation, ()), *templates]
        for kind in ("numbers", "place"):
            more = scenery.pop(kind)
            table[kind] = {name: [template, *more[name]] for name, template in table[kind].items()}
        named = {shade: "/".join(forms) for shade, forms in shades.items()}
        table["colours"] = {**table["colours"], **named}
        table["scenery"] = scenery
    return tables


def grounds() -> dict[str, tuple[int, int, int]]:
    """Background colours by their English or CSS names: red, green and blue, 0 to 255."""
    shades = {shade for scenery in _scenery().values() for shade in scenery["shades"]}
    return {**COLOURS, **{shade: _css(shade) for shade in sorted(shades)}}


def _css(name: str) -> tuple[int, int, int]:
    red, green, blue, *_ = ImageColor.getrgb(name)
    return red, green, blue


def _scenery() -> dict[str, Any]:
    return tomllib.loads(SCENERY.read_text(encoding="utf-8"))


def _ground_words() -> set[str]:
    """Words for a background, used with a colour."""
    nouns = {noun for scenery in _scenery().values() for noun in scenery["background"]}
    return {fold(noun) for noun in nouns if " " not in noun}


def _shade_words() -> set[str]:
    forms = [f for scenery in _scenery().values() for f in scenery["shades"].values()]
    return {fold(word) for listed in forms for form in listed for word in form.rstrip("の").split()}


def black_and_white_phrases() -> list[str]:
    """The phrases in any language that ask for an image without colours."""
    table: dict[str, list[str]] = tomllib.loads(WORDS.read_text())["black_and_white"]
    return sorted({phrase for phrases in table.values() for phrase in phrases})


def style_words() -> dict[str, list[int]]:
    """The prior's styles that each word requests."""
    by_maker = {s.name: s.style for s in sources().images}
    table: dict[str, list[str]] = tomllib.loads(WORDS.read_text())["styles"]
    return {
        fold(word): [i for i, maker in enumerate(STYLES) if by_maker.get(maker) == style]
        for style, listed in table.items()
        for word in listed
    }


def shapes() -> dict[str, str]:
    """The English names of shapes by the words for them in all languages, and English plurals."""
    named = {
        fold(name): shape
        for language in LANGUAGES
        for shape, name in words()[language]["shapes"].items()
    }
    plurals = {fold(plural(name)): name for name in words()["en"]["shapes"]}
    return {**named, **plurals}


def _words_of_captions() -> set[str]:
    """The words of captions for colours, shapes, lands and lights, in all languages."""
    found = _colour_words()
    for language in LANGUAGES:
        for part in ("shapes", "elements", "lands"):
            found |= {fold(word) for word in words()[language][part].values()}
    return found


def _colour_words() -> set[str]:
    forms = [form for lang in LANGUAGES for form in words()[lang]["colours"].values()]
    return {fold(form.rstrip("の")) for listed in forms for form in listed.split("/")}
