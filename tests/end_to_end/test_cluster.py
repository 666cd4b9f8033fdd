"""`python -m engine --ray`: the same product, rendering on a cluster whose nodes come and go."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install -e .[ray]")
from bench.cluster.local_cluster import LocalCluster, local_cluster
from core.job import State
from tests.end_to_end.conftest import Product, images_of
from tests.engine.test_synthesis import TOLERANCE

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[LocalCluster]:
    """Outlives the module's product: the engine exits when it loses its cluster."""
    with local_cluster(nodes=2) as started:
        yield started


async def test_a_job_continues_on_another_node_when_its_node_dies(
    product: Product, cluster: LocalCluster
) -> None:
    product.options["engine"] = ("--ray", cluster.address)
    await product.start("bot", "engine")
    members = await product.members("Ada", "Bob")
    options = {"include": "a red circle", "exclude": "watermark", "steps": 80, "seed": 7}
    job_messages = [await product.imagine(member, **options) for member in members]
    for job_message in job_messages:
        await product.wait_rendering(job_message)
    (_, second) = await product.until(
        lambda: first_two(product.entries("engine", "renderer joined"))
    )
    cluster.kill(second["node"])
    jobs = [await product.wait_posted(job_message) for job_message in job_messages]
    assert [job.state for job in jobs] == [State.DONE, State.DONE]
    (left,) = product.entries("engine", "renderer left")
    assert left["node"] == second["node"]
    given_back = {entry["job"] for entry in product.entries("engine", "job given back")}
    resumed = [entry for entry in product.entries("engine", "job started") if entry["step"] > 0]
    assert given_back & {entry["job"] for entry in resumed}
    ada = members[0]
    messages = await product.job_messages(ada)
    assert {message.id for message in messages} == {job_message.id for job_message in job_messages}
    images = [(await images_of(ada, message))[0] for message in messages]
    # One was rendered alone, the other partly in a batch of two: some kernels round differently.
    one, other = (np.asarray(image) / 255 for image in images)
    assert np.abs(one - other).mean() < TOLERANCE

    await product.stop("engine", "bot")
    files = files_in(Path(cluster.folder))
    assert any(path.name == "worker.py" for path in files)  # the code was sent to the nodes
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


async def test_a_foreign_ray_task_cannot_find_the_token_on_the_engines_machine(
    product: Product, cluster: LocalCluster
) -> None:
    """The task has the cluster's token. As root, it can read the environment of every process."""
    product.options["engine"] = ("--ray", cluster.address)
    await product.start("bot", "engine")
    (ada,) = await product.members("Ada")
    await product.wait_posted(await product.imagine(ada, "a red circle", steps=10))
    driver = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SEARCH, cluster.address), stdin=PIPE, stdout=PIPE
    )
    output, _ = await driver.communicate(product.discord.token[::-1].encode())
    await product.stop("engine", "bot")
    environments, found = output.decode().split(maxsplit=1)
    assert int(environments) >= (2 if os.geteuid() == 0 else 0)
    assert found.strip() == "[]"


async def test_the_engine_exits_when_it_loses_its_cluster_and_resumes_on_another(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray ends a process that loses the cluster's head for a minute; here, for 3 seconds."""
    environment = product.environment() | {"RAY_gcs_rpc_server_reconnect_timeout_s": "3"}
    monkeypatch.setattr(product, "environment", lambda: environment)
    (ada,) = await product.members("Ada")
    with local_cluster(nodes=1) as first:
        product.options["engine"] = ("--ray", first.address)
        await product.start("bot", "engine")
        job_message = await product.imagine(ada, "two yellow stars", steps=100, seed=7)
        await product.wait_rendering(job_message)
        first.close()
        assert await product.wait_exit("engine") == 1
    assert "Failed to connect to GCS" in product.log("engine")
    earlier = len(product.entries("engine", "job started"))
    with local_cluster(nodes=1) as second:
        product.options["engine"] = ("--ray", second.address)
        await product.start("engine")
        assert (await product.wait_posted(job_message)).state is State.DONE
        (resumed,) = product.entries("engine", "job started")[earlier:]
        assert resumed["step"] > 0
        assert [message.id for message in await product.job_messages(ada)] == [job_message.id]
        await product.stop("engine", "bot")


def files_in(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def first_two(entries: list[dict[str, str]]) -> list[dict[str, str]]:
    """The first two entries, or an empty list while there are fewer."""
    return entries[:2] if len(entries) >= 2 else []
