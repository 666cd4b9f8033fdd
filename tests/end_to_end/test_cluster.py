"""`python -m engine --ray`: the same product, painted for on a cluster whose nodes come and go."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install -e .[ray]")
from bench.cluster.local_cluster import LocalCluster, local_cluster
from core.job import State
from tests.end_to_end.conftest import Product, pictures_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[LocalCluster]:
    """It outlives the product, which ends without it."""
    with local_cluster(nodes=2) as started:
        yield started


async def test_what_was_rendered_on_a_node_that_dies_goes_on_on_another(
    product: Product, cluster: LocalCluster
) -> None:
    product.options["engine"] = ("--ray", cluster.address)
    await product.start("bot", "engine")
    people = await product.members("Ada", "Bob")
    options = {"include": "a red circle", "exclude": "watermark", "steps": 150, "seed": 7}
    cards = [await product.ask(person, **options) for person in people]
    for card in cards:
        await product.painting(card)
    (_, second) = await product.until(lambda: two(product.entries("engine", "renderer joined")))
    cluster.kill(second["node"])
    jobs = [await product.posted(card) for card in cards]
    assert [job.state for job in jobs] == [State.DONE, State.DONE]
    (left,) = product.entries("engine", "renderer left")
    assert left["node"] == second["node"]
    put_back = {entry["job"] for entry in product.entries("engine", "job given back")}
    resumed = [entry for entry in product.entries("engine", "job started") if entry["step"] > 0]
    assert put_back & {entry["job"] for entry in resumed}
    ada = people[0]
    messages = await product.job_messages(ada)
    assert {message.id for message in messages} == {card.id for card in cards}
    pictures = [(await pictures_of(ada, message))[0] for message in messages]
    assert pictures[0].tobytes() == pictures[1].tobytes()

    await product.stop("engine", "bot")  # in good order
    files = files_in(Path(cluster.folder))
    assert any(path.name == "worker.py" for path in files)  # the code has been sent
    token = product.discord.token.encode()
    assert not [path for path, content in files.items() if token in content]


SEARCH = """
import ray, sys
ray.init(address=sys.argv[1], log_to_driver=False, configure_logging=False)

@ray.remote(num_cpus=0)
def search(backwards):
    from pathlib import Path
    token, environments = backwards[::-1].encode(), 0
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("environ", "cmdline"):
            try:
                content = (process / name).read_bytes()
            except OSError:
                continue
            environments += name == "environ" and b"DISCORD_API_URL" in content
            if token in content:
                found.append(str(process / name))
    return environments, found

print(*ray.get([search.remote(sys.stdin.read())])[0])
"""


async def test_a_foreign_task_does_not_find_the_token_on_the_engines_machine(
    product: Product, cluster: LocalCluster
) -> None:
    """It knows the cluster's token, and where engine and tasks run as root, it may read all."""
    product.options["engine"] = ("--ray", cluster.address)
    await product.start("bot", "engine")
    (ada,) = await product.members("Ada")
    await product.posted(await product.ask(ada, "a red circle", steps=10))
    driver = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SEARCH, cluster.address), stdin=PIPE, stdout=PIPE
    )
    written, _ = await driver.communicate(product.discord.token[::-1].encode())
    await product.stop("engine", "bot")
    environments, found = written.decode().split(maxsplit=1)
    assert int(environments) >= (2 if os.geteuid() == 0 else 0)
    assert found.strip() == "[]"


async def test_without_its_cluster_the_engine_ends_and_goes_on_when_there_is_another(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray ends a process that has not reached the cluster's head for a minute; here, 3 seconds."""
    plain = product.environment()
    impatient = plain | {"RAY_gcs_rpc_server_reconnect_timeout_s": "3"}
    monkeypatch.setattr(product, "environment", lambda: impatient)
    (ada,) = await product.members("Ada")
    with local_cluster(nodes=1) as first:
        product.options["engine"] = ("--ray", first.address)
        await product.start("bot", "engine")
        card = await product.ask(ada, "two yellow stars", steps=250, seed=7)
        await product.painting(card)
        first.close()
        assert await product.ends_by_itself("engine") == 1
    assert "Failed to connect to GCS" in product.log("engine")
    began = len(product.entries("engine", "job started"))
    with local_cluster(nodes=1) as second:
        product.options["engine"] = ("--ray", second.address)
        await product.start("engine")
        assert (await product.posted(card)).state is State.DONE
        (resumed,) = product.entries("engine", "job started")[began:]
        assert resumed["step"] > 0
        assert [message.id for message in await product.job_messages(ada)] == [card.id]
        await product.stop("engine", "bot")


def files_in(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def two(entries: list[dict[str, str]]) -> list[dict[str, str]]:
    """The first two entries, once there are so many."""
    return entries[:2] if len(entries) >= 2 else []
