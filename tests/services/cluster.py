"""A RabbitMQ cluster on one machine: nodes that share a port mapper and a cookie."""

from __future__ import annotations

import os
import pwd
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import requests

from tests.services.rabbitmq import RabbitMQ
from tests.services.waiting import wait_until


class ClusterNode(RabbitMQ):
    """One node; it knows the names of all, and the cookie that they share."""

    cookie = "IPAMDTESTCLUSTER"

    @property
    def node_name(self) -> str:
        """The node's name in the cluster."""
        return f"ipamd-test-{self.port}@localhost"

    def join(self, nodes: Sequence[ClusterNode]) -> None:
        """Prepare to form a cluster with ``nodes``, and to share the first one's port mapper."""
        self.settings["cluster_formation.peer_discovery_backend"] = "classic_config"
        for number, node in enumerate(nodes, 1):
            name = f"cluster_formation.classic_config.nodes.{number}"
            self.settings[name] = node.node_name
        self.share_port_mapper(nodes[0])

    def prepare(self) -> None:
        """Write the configuration and the cookie."""
        super().prepare()
        cookie = self.folder / ".erlang.cookie"
        cookie.write_text(self.cookie)
        cookie.chmod(0o400)
        if self.user:
            account = pwd.getpwnam(self.user)
            os.chown(cookie, account.pw_uid, account.pw_gid)


class RabbitMQCluster:
    """Nodes that form one cluster; started together, and closed at the end."""

    def __init__(self, size: int = 3) -> None:
        self.nodes = [ClusterNode() for _ in range(size)]
        for node in self.nodes:
            node.join(self.nodes)

    @property
    def url(self) -> str:
        """transport_url that names all nodes."""
        hosts = ",".join(f"guest:guest@127.0.0.1:{node.port}" for node in self.nodes)
        return f"rabbit://{hosts}//"

    def start(self) -> None:
        """Start the nodes and wait until each sees all the others running."""
        for node in self.nodes:
            node.start()
        wait_until(self._is_whole, timeout=60)

    def _is_whole(self) -> bool:
        try:
            found = requests.get(f"{self.nodes[0].management_url}/api/nodes", timeout=5).json()
        except requests.RequestException:  # too busy, or not yet: asked again
            return False
        return sum(bool(node.get("running")) for node in found) == len(self.nodes)

    def leader_of(self, queue: str) -> ClusterNode:
        """Return the node that leads a quorum queue of the virtual host ``/``."""
        for node in self.nodes:
            if not node.running:
                continue
            answer = requests.get(f"{node.management_url}/api/queues/%2F/{queue}", timeout=10)
            leader = answer.json().get("leader")
            found = [each for each in self.nodes if each.node_name == leader]
            if found and found[0].running:
                return found[0]
        raise LookupError(f"queue {queue} has no leader that runs")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for node in reversed(self.nodes):
            node.close()
