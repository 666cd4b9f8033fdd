"""`python -m engine --ray`: the same product, painted for on a cluster whose nodes come and go."""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install -e .[ray]")
from bench.raylets import Raylets, raylets
from jobs.job import State
from tests.end_to_end.conftest import Product, pictures_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[Raylets]:
    """It outlives the product, which ends without it."""
    with raylets(nodes=2) as started:
        yield started


async def test_what_was_painted_on_a_node_that_dies_goes_on_on_another(
    product: Product, cluster: Raylets
) -> None:
    product.options["engine"] = ("--ray", cluster.address)
    await product.start("bot", "engine")
    people = await product.members("Ada", "Bob")
    wish = {"include": "a red circle", "exclude": "watermark", "steps": 300, "seed": 7}
    cards = [await product.ask(person, **wish) for person in people]
    for card in cards:
        await product.painting(card)
    (_, second) = await product.until(lambda: two(product.entries("engine", "joined")))
    cluster.kill(second["node"])
    jobs = [await product.posted(card) for card in cards]
    assert [job.state for job in jobs] == [State.DONE, State.DONE]
    (left,) = product.entries("engine", "left")
    assert left["node"] == second["node"]
    put_back = {entry["job"] for entry in product.entries("engine", "put back")}
    resumed = [entry for entry in product.entries("engine", "began") if entry["step"] > 0]
    assert put_back & {entry["job"] for entry in resumed}
    ada = people[0]
    messages = await ada.messages()
    assert {message.id for message in messages} == {card.id for card in cards}
    pictures = [(await pictures_of(ada, message))[0] for message in messages]
    assert pictures[0].tobytes() == pictures[1].tobytes()

    await product.stop("engine", "bot")  # in good order
    files = files_in(Path(cluster.folder))
    assert any(path.name == "worker.py" for path in files)  # the code has been sent
    token = product.discord.token.encode()
    assert not [path for path, content in files.items() if token in content]


def files_in(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def two(entries: list[dict[str, str]]) -> list[dict[str, str]]:
    """The first two entries, once there are so many."""
    return entries[:2] if len(entries) >= 2 else []
