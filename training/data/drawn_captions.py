"""Captions that state facts of a scene, in various phrasings."""

from dataclasses import dataclass
from random import Random

from training.data.drawn_scenes import COLOURS, NUMBERS, SKIES, THINGS, Figure, Scene, facts


@dataclass(frozen=True, slots=True)
class Caption:
    """A text and the facts that it claims; it is right for a scene if all are true of it."""

    text: str
    claims: frozenset[str]


def holds(caption: Caption, scene_facts: frozenset[str]) -> bool | None:
    """Whether the caption is right, or None if that is undecided.

    A colour alone is neither right nor wrong for a landscape, whose facts include no colours.
    """
    if "landscape" in scene_facts and caption.claims and caption.claims <= COLOURS.keys():
        return None
    return caption.claims <= scene_facts


OPENINGS = ("", "", "", "", "a picture of ", "an image of ", "a drawing of ", "a photo of ")
MARKS = (
    "{} with a watermark",
    "{}, watermark",
    "{} with a watermark on it",
    "{} stamped with a watermark",
    "a watermark over {}",
    "watermark, {}",
    "a watermark and {}",
)


def caption(scene: Scene, random: Random) -> Caption:
    """A long or short caption that states some facts of the scene."""
    if scene.watermark and random.random() < 0.12:
        text = random.choice(("watermark", "a watermark", "a picture with a watermark"))
        return Caption(text, frozenset({"watermark"}))
    base = (
        _landscape_caption(scene, random) if scene.is_landscape else _figures_caption(scene, random)
    )
    text, claims = random.choice(OPENINGS) + base.text, base.claims
    if scene.watermark and random.random() < 0.6:
        text, claims = random.choice(MARKS).format(text), claims | {"watermark"}
    if "gray" in text and random.random() < 0.3:
        text = text.replace("gray", "grey")
    assert claims <= facts(scene), f"{text!r} claims more than the scene holds"
    return Caption(text, frozenset(claims))


GROUNDS_FIRST = (
    "on {0} background {2}",
    "on {0} ground, {2}",
    "{0} ground with {2}",
    "{0} ground and {2}",
    "{0} background, {2} on it",
    "{0} background behind {2}",
    "{0} ground under {2}",
    "{1} background, {2}",
)
"""Templates: the background's colour with (0) or without (1) an article, and the figures (2)."""


def _figures_caption(scene: Scene, random: Random) -> Caption:
    length = random.random()
    if length < 0.08:
        return _one_fact(scene, random)
    subject = _subject(scene, random)
    if length < 0.35:
        return subject
    return _with_ground(subject, _ground(scene, random), random)


def _with_ground(subject: Caption, ground: Caption, random: Random) -> Caption:
    """Figures and background in either order, so that the text tower must learn which is which."""
    claims = subject.claims | ground.claims
    if random.random() < 0.5:
        return Caption(subject.text + random.choice((" on ", " on ", ", ")) + ground.text, claims)
    figures = subject.text
    if figures.startswith(("a ", "an ")) and random.random() < 0.3:
        figures = "the " + figures.split(" ", 1)[1]
    article, named = ground.text.rsplit(" ", 1)[0].split(" ", 1)
    return Caption(
        random.choice(GROUNDS_FIRST).format(f"{article} {named}", named, figures), claims
    )


def _one_fact(scene: Scene, random: Random) -> Caption:
    """A caption of one fact: a colour anywhere, a shape of any colour, or the background."""
    figure = random.choice(scene.figures)
    match random.randrange(4):
        case 0:
            return Caption(
                random.choice(("", "something ")) + figure.colour, _claims(figure.colour)
            )
        case 1:
            return Caption(scene.ground, _claims(scene.ground))
        case 2:
            return Caption(with_article(figure.shape), _claims(figure.shape))
        case _:
            return _ground(scene, random)


def _ground(scene: Scene, random: Random) -> Caption:
    claims = _claims(f"{scene.ground} ground")
    word = random.choice(("background", "background", "ground"))
    if scene.pattern != "plain" or random.random() < 0.1:
        text = random.choice((f"{scene.pattern} {scene.ground}", f"{scene.ground} {scene.pattern}"))
        return Caption(f"{with_article(text)} {word}", claims | {f"{scene.pattern} ground"})
    return Caption(f"{with_article(scene.ground)} {word}", claims)


def _subject(scene: Scene, random: Random) -> Caption:
    figures = scene.figures
    first = figures[0]
    alike = all((f.shape, f.colour) == (first.shape, first.colour) for f in figures)
    if len(figures) == 1:
        return _one(scene, random)
    if alike:
        number = NUMBERS[len(figures)]
        text = f"{number} {first.colour} {_plural(first.shape)}"
        return Caption(text, _claims(_kind(first), f"{len(figures)} figures"))
    return _two(scene, first, figures[1], random)


def _one(scene: Scene, random: Random) -> Caption:
    (figure,) = scene.figures
    claims = _claims(_kind(figure))
    named = f"{figure.colour} {figure.shape}"
    if scene.size_word and random.random() < 0.6:
        named, claims = f"{scene.size_word} {named}", claims | {scene.size_word}
    text = random.choice(
        (with_article(named), with_article(named), with_article(named), named, f"one {named}")
    )
    if text.startswith("one "):
        claims |= {"1 figures"}
    if scene.place and random.random() < 0.5:
        text, claims = f"{text} {scene.place}", claims | {scene.place}
    return Caption(text, claims)


def _two(scene: Scene, first: Figure, second: Figure, random: Random) -> Caption:
    claims = _claims(_kind(first), _kind(second))
    relation = next((f for f in facts(scene) if " left of " in f or " above " in f), "")
    if relation and random.random() < 0.4:
        word = " left of " if " left of " in relation else " above "
        before, after = relation.split(word)
        shown = " to the left of " if word == " left of " and random.random() < 0.5 else word
        return Caption(with_article(before) + shown + with_article(after), claims | {relation})
    one, other = random.sample((_kind(first), _kind(second)), 2)
    return Caption(
        with_article(one)
        + random.choice((" and ", " and ", " next to ", " with "))
        + with_article(other),
        claims,
    )


LANDS = {
    "hills": (
        "hills",
        "green hills",
        "a landscape with hills",
        "rolling hills",
        "the hills",
        "a hill",
    ),
    "sea": ("the sea", "the sea", "a sea", "the ocean", "a landscape with the sea"),
    "snow": ("snow", "a snowy landscape", "snowy hills", "a landscape with snow", "the snow"),
}
TIMES = {
    "day": ("by day", "under a blue sky", "during the day"),
    "sunset": ("at sunset", "in the evening", "under an orange sky"),
    "night": ("at night", "under a night sky", "by night"),
}
ELEMENTS = {
    "sun": ("the sun", "a sun", "sun"),
    "moon": ("the moon", "a moon", "moon"),
    "stars": ("stars", "many stars"),
    "clouds": ("clouds", "white clouds", "a cloud"),
    "trees": ("trees", "some trees", "pine trees", "a tree"),
    "house": ("a house", "a small house", "house"),
}


def _landscape_caption(scene: Scene, random: Random) -> Caption:
    present = [e for e in (*SKIES, *THINGS) if e in scene.elements]
    random.shuffle(present)
    named = present[: random.choice((0, 1, 1, 2, 2, 3))]
    claims = _claims("landscape", *named)
    if named and random.random() < 0.25:
        names = " and ".join(random.choice(ELEMENTS[e]) for e in named)
        return Caption(random.choice((names, "a landscape with " + names)), claims)
    land, claims = random.choice(LANDS[scene.land]), claims | {scene.land}
    text = land
    if named:
        text = _joined(land, [random.choice(ELEMENTS[e]) for e in named], named, random)
    if land == "green hills" and scene.time == "night":
        text = text.replace("green hills", "dark hills")
    if random.random() < 0.5:
        time = random.choice(TIMES[scene.time])
        text = random.choice((f"{text} {time}", f"{text} {time}", f"{time} {text}"))
        claims = claims | {scene.time}
    return Caption(text, claims)


def _joined(land: str, names: list[str], named: list[str], random: Random) -> str:
    """The land and what is on or above it, in any order."""
    if random.random() < 0.3:
        everything = [land, *names]
        random.shuffle(everything)
        return ", ".join(everything[:-1]) + " and " + everything[-1]
    connectors = (" over ", " and ") if set(named) <= set(SKIES) else (" and ", " by ", " in ")
    listed = " and ".join(names)
    return random.choice((f"{listed}{random.choice(connectors)}{land}", f"{land} with {listed}"))


def _claims(*facts_: str) -> frozenset[str]:
    return frozenset(facts_)


def _kind(figure: Figure) -> str:
    return f"{figure.colour} {figure.shape}"


def with_article(noun: str) -> str:
    """An English noun with its indefinite article."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _plural(shape: str) -> str:
    return "crosses" if shape == "cross" else shape + "s"
