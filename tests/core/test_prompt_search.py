"""Words are found in prompts whatever their case and accents, and only in prompts."""

from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.database.claims import Claims
from core.database.connection import Database
from core.database.jobs import Jobs
from core.database.members import Members
from core.job import NewJob, State
from core.prompt_search import fold, searchable_text
from core.recipe import Recipe

Find = Callable[[str, str], Awaitable[bool]]


@pytest.fixture
async def find(database: Database) -> Find:
    """Whether /history finds a finished job with this prompt by these words."""

    async def found(prompt: str, words: str) -> bool:
        recipe = Recipe.make(prompt, "watermark", width=64, height=64, steps=100, seed=1)
        await Jobs(database).insert(
            NewJob(recipe=recipe, guild_id=1, channel_id=2, member_id=3, member_name="Ada")
        )
        job = await Claims(database).claim("engine", 30)
        assert job
        await Claims(database).finish(job.id, "engine", State.DONE)
        _, jobs = await Members(database).history(3, 1, words=words)
        return job.id in [each.id for each in jobs]

    return found


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("Ein Ärger", "ärger"),
        ("Ein Ärger", "ARGER"),
        ("a café", "CAFÉ"),
        ('a "quoted" cat', '"quoted" CAT'),
        ("赤い猫", "猫"),
        ("Straße", "strasse"),
        ("100% cotton_wool", "% COTTON_"),
        ("a cat* (big)", "cat* ("),
        ("snow", "watermark"),
        ("two  spaces", "two spaces"),
        ("a castle in the fog | an owl", "owl castle"),
        ("a red house", "house watermark"),
    ],
)
async def test_matching_words_are_found(find: Find, prompt: str, words: str) -> None:
    assert await find(prompt, words)


@pytest.mark.parametrize(
    "words",
    ["seed", "weight", "null", "picture", "64", "cat*", "c_t", "%", "cat NOT dog", "cat owl", '"'],
)
async def test_other_words_are_not_found(find: Find, words: str) -> None:
    assert not await find("a cat and a dog", words)


@given(st.text(max_size=20))
def test_folding_is_idempotent(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize("damaged", [b"", b"{", b"\xff", b"[]", b'{"include": [1]}', b"null"])
def test_a_damaged_recipe_has_no_searchable_text(damaged: bytes) -> None:
    assert searchable_text(damaged) == ""
