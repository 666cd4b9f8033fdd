"""A Ray cluster on this machine: several raylets, each of them a node with one processor slot."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

raylet = pytest.importorskip("ray._raylet", reason="Ray is not installed: pip install -e .[ray]")
cluster_utils = pytest.importorskip(
    "ray.cluster_utils", reason="Ray is not installed: pip install -e .[ray]"
)

STORE = 100 * 2**20  #: bytes of each node's object store
ADDRESS = "127.0.0.2"  #: Ray would put the machine's outer address in the place of 127.0.0.1


class Raylets:
    """Nodes that come and go; the first has no slots of its own and stays."""

    def __init__(self, folder: str) -> None:
        head = {"num_cpus": 0, "include_dashboard": False, "temp_dir": folder, **_small()}
        self._cluster = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
        self.address: str = self._cluster.address

    def add(self, **environment: str) -> Any:
        """Another node; its `node_id` is what Ray calls it."""
        return self._cluster.add_node(num_cpus=1, env_vars=environment, **_small())

    def kill(self, node_id: str) -> None:
        """Ends a node as a power cut would."""
        node = next(each for each in self._cluster.worker_nodes if each.node_id == node_id)
        self._cluster.remove_node(node, allow_graceful=False)

    def drain(self, node_id: str, seconds: float) -> None:
        """Announces that a node will be taken away so soon."""
        preempted, deadline = 2, int((time.time() + seconds) * 1000)
        accepted, why = raylet.GcsClient(address=self.address).drain_node(
            node_id, preempted, "a test", deadline
        )
        assert accepted, why

    def close(self) -> None:
        self._cluster.shutdown()


@contextmanager
def raylets(nodes: int) -> Iterator[Raylets]:
    """A cluster with so many nodes beside the first."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    handler = signal.getsignal(signal.SIGTERM)  # Ray puts its own there
    folder = tempfile.mkdtemp(prefix="ray-")  # pytest's own are too long for sockets
    cluster = Raylets(folder)
    try:
        for _ in range(nodes):
            cluster.add()
        yield cluster
    finally:
        cluster.close()
        signal.signal(signal.SIGTERM, handler)
        shutil.rmtree(folder, ignore_errors=True)


def _small() -> dict[str, Any]:
    return {"object_store_memory": STORE, "node_ip_address": ADDRESS}
