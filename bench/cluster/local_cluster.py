"""A Ray cluster on this machine: several nodes (raylets), each with one CPU slot."""

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
ADDRESS = "127.0.0.2"  #: Ray would replace 127.0.0.1 with the machine's public address
PREEMPTED = 2  #: Ray's code for the reason to drain a node


class LocalCluster:
    """Nodes that come and go; the head node has no slots and stays."""

    def __init__(self, folder: str) -> None:
        head = {
            "num_cpus": 0,
            "include_dashboard": False,
            "temp_dir": folder,
            # By default, Ray runs actors at a lower priority.
            "_system_config": {"worker_niceness": 0},
            **_small(),
        }
        self.folder = folder
        """Where Ray keeps its logs, and the code and data sent to it."""
        self._cluster: Any = Cluster(initialize_head=True, head_node_args=head)
        self.address: str = self._cluster.address

    @property
    def nodes(self) -> list[str]:
        """The ids of the nodes that can be killed."""
        return [node.node_id for node in self._cluster.worker_nodes]

    def add(self, **environment: str) -> str:
        """Adds a node; returns its id. Blocks briefly; call it in the main thread."""
        node_id: str = self._cluster.add_node(num_cpus=1, env_vars=environment, **_small()).node_id
        return node_id

    def kill(self, node_id: str) -> None:
        """Kills a node, as a power cut would."""
        node = next(each for each in self._cluster.worker_nodes if each.node_id == node_id)
        self._cluster.remove_node(node, allow_graceful=False)

    def drain(self, node_id: str, seconds: float) -> None:
        """Announces that a node will be removed in this many seconds."""
        deadline = int((time.time() + seconds) * 1000)
        client = GcsClient(address=self.address)
        accepted, reason = client.drain_node(node_id, PREEMPTED, "to be removed", deadline)
        assert accepted, reason

    def close(self) -> None:
        self._cluster.shutdown()


@contextmanager
def local_cluster(nodes: int) -> Iterator[LocalCluster]:
    """A cluster with this many nodes besides the head node; it sends no usage statistics."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    Config.initialize("")  # Ray may have read the environment earlier
    handler = signal.getsignal(signal.SIGTERM)  # Ray replaces it
    folder = tempfile.mkdtemp(prefix="ray-")  # short: it holds sockets, whose paths are limited
    # Ray writes the address of the local cluster into its subfolder `ray`, which must exist.
    os.environ["RAY_TMPDIR"] = folder
    (Path(folder) / "ray").mkdir()
    cluster = LocalCluster(folder)
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
