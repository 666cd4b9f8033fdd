"""What the tests of `jobs` share: a store on a clock of its own, and legal recipes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import assume, settings
from hypothesis import strategies as st

from jobs.recipe import MAX_COUNT, MAX_SIDE, MAX_STEPS, MAX_TEXT, MIN_SIDE, SEEDS, Prompt, Recipe
from jobs.store import Store

settings.register_profile("no deadline", deadline=None)  # machines differ, laws do not
settings.load_profile("no deadline")


@dataclass
class Clock:
    """A wall clock that moves only when told."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "imagine.db"


@pytest.fixture
async def store(path: Path, clock: Clock) -> AsyncIterator[Store]:
    async with Store.open(path, clock=clock) as opened:
        yield opened


TRICKY = st.text(alphabet="ab19 :|\\.,-+eE*_~`[](<>@#\u200d\u0301\u0661é", min_size=1, max_size=30)


@st.composite
def _prompts(draw: st.DrawFn) -> Prompt:
    text = draw(st.one_of(TRICKY, st.text(min_size=1, max_size=60)))
    try:
        return Prompt(text, draw(st.floats(0, 10, exclude_min=True)))
    except ValueError:
        assume(False)
        raise


def _side(smallest: int) -> st.SearchStrategy[tuple[Prompt, ...]]:
    prompts = st.lists(st.from_type(Prompt), min_size=smallest, max_size=8).map(tuple)
    return prompts.filter(lambda side: sum(len(prompt.text) for prompt in side) <= MAX_TEXT)


st.register_type_strategy(Prompt, _prompts())
st.register_type_strategy(
    Recipe,
    st.builds(
        Recipe,
        include=_side(1),
        exclude=_side(0),
        width=st.integers(MIN_SIDE, MAX_SIDE),
        height=st.integers(MIN_SIDE, MAX_SIDE),
        steps=st.integers(1, MAX_STEPS),
        seed=st.integers(0, SEEDS - 1),
        initial=st.none() | st.just("0" * 64),
        strength=st.floats(0, 1),
        count=st.integers(1, MAX_COUNT),
    ),
)
