"""A Ray cluster on this machine: several raylets, each of them a node with one processor slot."""

import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ray._raylet import Config, GcsClient  # type: ignore[attr-defined]
from ray.cluster_utils import Cluster

STORE = 100 * 2**20  #: bytes of each node's object store
ADDRESS = "127.0.0.2"  #: Ray would put the machine's outer address in the place of 127.0.0.1
PREEMPTED = 2  #: Ray's number for why a node is drained


class Raylets:
    """Nodes that come and go; the first has no slots of its own and stays."""

    def __init__(self, folder: str) -> None:
        head = {
            "num_cpus": 0,
            "include_dashboard": False,
            "temp_dir": folder,
            # Else actors let everybody else on this machine go first.
            "_system_config": {"worker_niceness": 0},
            **_small(),
        }
        self.folder = folder
        """Where Ray keeps its logs, and what it was sent."""
        self._cluster: Any = Cluster(initialize_head=True, head_node_args=head)
        self.address: str = self._cluster.address

    @property
    def nodes(self) -> list[str]:
        """What Ray calls those that can be killed."""
        return [node.node_id for node in self._cluster.worker_nodes]

    def add(self, **environment: str) -> str:
        """Another node; what Ray calls it. Blocks for a moment, in the main thread alone."""
        node_id: str = self._cluster.add_node(num_cpus=1, env_vars=environment, **_small()).node_id
        return node_id

    def kill(self, node_id: str) -> None:
        """Ends a node as a power cut would."""
        node = next(each for each in self._cluster.worker_nodes if each.node_id == node_id)
        self._cluster.remove_node(node, allow_graceful=False)

    def drain(self, node_id: str, seconds: float) -> None:
        """Announces that a node will be taken away so soon."""
        deadline = int((time.time() + seconds) * 1000)
        client = GcsClient(address=self.address)
        accepted, why = client.drain_node(node_id, PREEMPTED, "to be taken away", deadline)
        assert accepted, why

    def close(self) -> None:
        self._cluster.shutdown()


@contextmanager
def raylets(nodes: int) -> Iterator[Raylets]:
    """A cluster with so many nodes beside the first; it reports nothing to anybody."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    Config.initialize("")  # Ray may have read the environment before
    handler = signal.getsignal(signal.SIGTERM)  # Ray puts its own there
    folder = tempfile.mkdtemp(prefix="ray-")  # short: sockets lie in it
    # Where Ray writes which cluster is this machine's, in a folder that it expects to be there.
    os.environ["RAY_TMPDIR"] = folder
    (Path(folder) / "ray").mkdir()
    cluster = Raylets(folder)
    try:
        for _ in range(nodes):
            cluster.add()
        yield cluster
    finally:
        cluster.close()
        signal.signal(signal.SIGTERM, handler)
        os.environ.pop("RAY_TMPDIR", None)
        shutil.rmtree(folder, ignore_errors=True)


def _small() -> dict[str, Any]:
    return {"object_store_memory": STORE, "node_ip_address": ADDRESS}
