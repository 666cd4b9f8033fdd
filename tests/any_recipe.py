"""Hypothesis strategies for any valid recipe: import this, then use `st.from_type(Recipe)`."""

from dataclasses import replace

from hypothesis import assume
from hypothesis import strategies as st

from core.film import MAX_FRAMES, MIN_FRAMES, Film, Motion
from core.palette import MAX_COLOURS
from core.pattern import Symmetry, Tile
from core.prompts import MAX_PROMPT_LENGTH, Prompt
from core.recipe import MAX_COUNT, MAX_IMAGE_PROMPTS, MAX_STEPS, SEEDS, ImagePrompt, Recipe, Source
from core.regions import MAX_REGIONS, REGIONS, WHOLE, Region
from core.repaint import Mask, Move, Repaint
from core.sizes import MAX_SIDE, MIN_SIDE
from core.styles import PRESETS

TRICKY = st.text(
    alphabet="ab19 :->→|\\.,-+eE*_~`[](<>@#\u200d\u0301\u0661é", min_size=1, max_size=30
)
NAMES = st.sampled_from(["0" * 64, "f" * 64, "0123456789abcdef" * 4])
COLOURS = st.from_regex(r"#[0-9a-f]{6}", fullmatch=True)
WEIGHTS = st.floats(0, 10, exclude_min=True)
SPANS = st.tuples(st.integers(0, WHOLE), st.integers(0, WHOLE)).filter(lambda s: s[0] < s[1])
ANY_REGION = st.builds(lambda x, y: Region(x[0], y[0], x[1], y[1]), SPANS, SPANS)
SOME_REGIONS = [REGIONS["left"], REGIONS["centre"], Region(1, 20, 30, 100)]
REPAINTS = (
    st.lists(ANY_REGION, min_size=1, max_size=MAX_REGIONS).map(lambda r: Repaint(tuple(r)))
    | NAMES.map(lambda name: Repaint(mask=Mask(name)))
    | st.sampled_from(Move).map(lambda move: Repaint(move=move))
)


@st.composite
def _prompts(draw: st.DrawFn) -> Prompt:
    text = draw(st.one_of(TRICKY, st.text(min_size=1, max_size=60)))
    try:
        return Prompt(text, draw(WEIGHTS), region=draw(st.none() | st.sampled_from(SOME_REGIONS)))
    except ValueError:
        assume(False)
        raise


@st.composite
def _recipes(draw: st.DrawFn) -> Recipe:
    prompts = st.lists(st.from_type(Prompt), max_size=8).map(tuple)
    stories = st.lists(st.from_type(Prompt), min_size=2, max_size=5).map(_as_scenes)
    with_story = st.tuples(stories, st.lists(st.from_type(Prompt), max_size=3)).map(
        lambda sides: (*sides[1][:1], *sides[0], *sides[1][1:])
    )
    texts = (prompts | with_story).filter(
        lambda side: sum(len(prompt.text) for prompt in side) <= MAX_PROMPT_LENGTH
    )
    excluded = prompts.filter(
        lambda side: sum(len(prompt.text) for prompt in side) <= MAX_PROMPT_LENGTH
    )
    image_prompt = st.builds(ImagePrompt, NAMES, WEIGHTS)
    image_prompts = st.lists(image_prompt, max_size=MAX_IMAGE_PROMPTS).map(tuple)
    rows = st.integers(0, MAX_COUNT - 1)
    sources = st.builds(Source, st.integers(1, 2**63 - 1), rows, st.floats(0, 1))
    start = draw(st.fixed_dictionaries({}, optional={"initial": NAMES}))
    repainted = draw(st.none() | REPAINTS) if start else None
    if not start:
        start = draw(st.fixed_dictionaries({}, optional={"source": sources}))
    include, include_images = draw(st.tuples(texts, image_prompts).filter(any))
    width = draw(st.integers(MIN_SIDE, MAX_SIDE))
    symmetry = None if repainted else draw(st.none() | st.sampled_from(Symmetry))
    square = symmetry is Symmetry.QUARTER_TURN
    recipe = Recipe(
        include=include,
        exclude=tuple(replace(prompt, region=None) for prompt in draw(excluded)),
        include_images=include_images,
        exclude_images=draw(image_prompts),
        width=width,
        height=width if square else draw(st.integers(MIN_SIDE, MAX_SIDE)),
        steps=draw(st.integers(1, MAX_STEPS)),
        seed=draw(st.integers(0, SEEDS - 1)),
        strength=draw(st.floats(0, 1)),
        count=draw(st.integers(1, MAX_COUNT)),
        tile=None if repainted else draw(st.none() | st.sampled_from(Tile)),
        symmetry=symmetry,
        palette=tuple(draw(st.just([]) | st.lists(COLOURS, min_size=2, max_size=MAX_COLOURS))),
        preset=draw(st.none() | st.sampled_from(list(PRESETS))),
        repaint=repainted,
        **start,
    )
    if not recipe.tile and not recipe.repaint and draw(st.booleans()):
        film = draw(st.from_type(Film))
        changes = {"film": film, "count": 1, "steps": draw(st.integers(film.steps, MAX_STEPS))}
        return recipe.model_copy(update=changes)
    return recipe


def _as_scenes(prompts: list[Prompt]) -> tuple[Prompt, ...]:
    """The prompts as the scenes of a story, all with the region of the first."""
    region = prompts[0].region
    return tuple(
        replace(prompt, scene=scene, region=region) for scene, prompt in enumerate(prompts, start=1)
    )


st.register_type_strategy(
    Film,
    st.builds(
        Film,
        st.sampled_from(Motion),
        st.integers(MIN_FRAMES, MAX_FRAMES),
        st.integers(1, MAX_STEPS // MAX_FRAMES),
    ),
)
st.register_type_strategy(Prompt, _prompts())
st.register_type_strategy(Recipe, _recipes())
