"""Jobs inherit flags from everything they build on, over any number of generations."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as st

from core.database.connection import Database
from core.database.deletions import Deletions
from core.database.jobs import Jobs
from core.database.personal_data import PersonalData
from core.database.provenance import UploadedImages
from core.database.schema import migrations
from core.job import NewJob, Provenance
from core.recipe import ImagePrompt, Recipe, Source
from tests.databases import new_database

ADA, BOB = 1, 2
NAMES = tuple(digit * 64 for digit in "abc")


@dataclass(frozen=True)
class Node:
    """A job of a lineage: what it builds on, and where it was requested."""

    age_restricted: bool
    spoilered: bool
    parent: int | None
    source: int | None
    initial: str | None
    prompt: str | None


@st.composite
def lineages(draw: st.DrawFn) -> list[Node]:
    """Jobs that each build on any of those before."""
    nodes: list[Node] = []
    for number in range(draw(st.integers(1, 7))):
        earlier = st.none() | st.integers(0, number - 1) if number else st.none()
        source = draw(earlier)
        nodes.append(
            Node(
                age_restricted=draw(st.booleans()),
                spoilered=draw(st.booleans()),
                parent=draw(earlier),
                source=source,
                initial=None if source is not None else draw(st.none() | st.sampled_from(NAMES)),
                prompt=draw(st.none() | st.sampled_from(NAMES)),
            )
        )
    return nodes


uploads = st.dictionaries(st.sampled_from(NAMES), st.tuples(st.booleans(), st.booleans()))


def recipe(node: Node, ids: list[int]) -> Recipe:
    made = Recipe.make("a red circle", width=64, height=64, steps=10, seed=1)
    prompts = (ImagePrompt(node.prompt),) if node.prompt else ()
    made = made.with_images(node.initial, prompts, ())
    source = Source(ids[node.source], 0) if node.source is not None else None
    return made.model_copy(update={"source": source})


@run(deadline=None, max_examples=40)
@given(lineages(), uploads)
def test_flags_reach_every_descendant_and_no_other_job(
    nodes: list[Node], uploaded: dict[str, tuple[bool, bool]]
) -> None:
    def expected(number: int) -> tuple[bool, bool]:
        """By definition: its own flags and those of all that it builds on."""
        node = nodes[number]
        flags = [(node.age_restricted, node.spoilered)]
        flags += [expected(each) for each in (node.parent, node.source) if each is not None]
        flags += [uploaded[name] for name in (node.initial, node.prompt) if name in uploaded]
        return any(a for a, _ in flags), any(b for _, b in flags)

    async def stored() -> list[tuple[bool, bool]]:
        found, ids = [], list[int]()
        with TemporaryDirectory() as folder:
            async with new_database(Path(folder) / "imagine.db") as database:
                images = UploadedImages(database)
                for name, (age_restricted, spoilered) in uploaded.items():
                    await images.add(name, ADA, age_restricted=age_restricted, spoilered=spoilered)
                for node in nodes:
                    parent = ids[node.parent] if node.parent is not None else None
                    inherited = await images.provenance(recipe(node, ids), ADA, parent)
                    job = await Jobs(database).insert(
                        NewJob(
                            recipe=recipe(node, ids),
                            guild_id=1,
                            channel_id=2,
                            message_id=None,
                            member_id=ADA,
                            member_name="Ada",
                            parent_id=parent,
                            age_restricted=node.age_restricted or inherited.age_restricted,
                            spoilered=node.spoilered or inherited.spoilered,
                        )
                    )
                    ids.append(job.id)
                    found.append((job.age_restricted, job.spoilered))
        return found

    assert asyncio.run(stored()) == [expected(number) for number in range(len(nodes))]


async def test_an_image_belongs_to_whoever_uploaded_it(tmp_path: Path) -> None:
    async with new_database(tmp_path / "imagine.db") as database:
        images = UploadedImages(database)
        made = recipe(Node(False, False, None, None, NAMES[0], NAMES[1]), [])
        await images.add(NAMES[0], ADA, age_restricted=False, spoilered=False)
        await images.add(NAMES[1], BOB, age_restricted=True, spoilered=True)
        assert await images.foreign(made, ADA) == (NAMES[1],)
        assert await images.foreign(made, BOB) == (NAMES[0],)
        assert await images.foreign(made.without_images(NAMES), BOB) == ()
        await images.add(NAMES[1], ADA, age_restricted=False, spoilered=False)
        # If two members uploaded the same image, each has the flags of their own upload.
        assert await images.provenance(made, ADA, None) == Provenance()


async def test_an_upload_that_was_restricted_once_stays_restricted(tmp_path: Path) -> None:
    async with new_database(tmp_path / "imagine.db") as database:
        images = UploadedImages(database)
        made = recipe(Node(False, False, None, None, NAMES[0], None), [])
        await images.add(NAMES[0], ADA, age_restricted=True, spoilered=False)
        await images.add(NAMES[0], ADA, age_restricted=False, spoilered=True)
        found = await images.provenance(made, ADA, None)
        assert found == Provenance(age_restricted=True, spoilered=True)


async def test_a_member_who_deletes_everything_leaves_no_record_of_an_upload(
    tmp_path: Path,
) -> None:
    async with new_database(tmp_path / "imagine.db") as database:
        images = UploadedImages(database)
        made = recipe(Node(False, False, None, None, NAMES[0], None), [])
        for member_id in (ADA, BOB):
            await images.add(NAMES[0], member_id, age_restricted=False, spoilered=False)
        records = [each async for each in PersonalData(database).records(ADA)]
        assert [name for name, _ in records] == ["uploaded images"]
        await Deletions(database).delete_member(ADA)
        assert not [each async for each in PersonalData(database).records(ADA)]
        assert await images.foreign(made, ADA) == (NAMES[0],)
        assert await images.foreign(made, BOB) == ()


async def test_migrating_an_older_database_records_whose_uploads_are_whose(tmp_path: Path) -> None:
    made = recipe(Node(False, False, None, None, NAMES[0], None), [])
    async with new_database(tmp_path / "imagine.db") as database:
        places = {"guild_id": 1, "channel_id": 2, "message_id": None}
        first = await Jobs(database).insert(
            NewJob(recipe=made, **places, member_id=ADA, member_name="Ada", spoilered=True)
        )
        again = await Jobs(database).insert(
            NewJob(recipe=made, **places, member_id=BOB, member_name="Bob", parent_id=first.id)
        )
    with closing(sqlite3.connect(tmp_path / "older.db", isolation_level=None)) as older:
        before = [sql for number, sql in migrations().items() if number < 10]
        for migration in before:
            older.executescript(migration)
        older.execute("PRAGMA user_version = 9")
        names = [row[1] for row in older.execute("PRAGMA table_info (jobs)")]
        columns = ", ".join(name for name in names if name != "reason")  # it has been renamed since
        older.execute("ATTACH ? AS newer", (str(tmp_path / "imagine.db"),))
        older.execute(f"INSERT INTO jobs ({columns}) SELECT {columns} FROM newer.jobs")
    async with Database.open(tmp_path / "older.db") as database:
        images = UploadedImages(database)
        assert await images.foreign(made, ADA) == ()
        assert await images.foreign(made, BOB) == (NAMES[0],)
        inherited = await Jobs(database).get(again.id)
        assert inherited
        assert inherited.spoilered
