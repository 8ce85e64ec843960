"""A Galera cluster of MariaDB on one machine: nodes that replicate every commit at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pymysql

from tests.services.mariadb import MariaDB
from tests.services.packages import MissingPackages
from tests.services.ports import release_port, reserve_port
from tests.services.waiting import wait_until

_LIBRARIES = ("/usr/lib/galera/libgalera_smm.so", "/usr/lib/libgalera_smm.so")


class GaleraNode(MariaDB):
    """One node; ``join`` tells it the others."""

    def __init__(self) -> None:
        super().__init__(
            settings={"binlog-format": "ROW", "innodb-autoinc-lock-mode": "2"},
        )
        self.replication_port = reserve_port()
        self._transfer_ports = (reserve_port(), reserve_port())
        self._others: list[GaleraNode] = []

    def join(self, nodes: Sequence[GaleraNode]) -> None:
        """Be one of ``nodes``."""
        self._others = [node for node in nodes if node is not self]

    def launch_settings(self) -> dict[str, str]:
        """Add the cluster's settings; the first node that starts makes the cluster."""
        running = [f"127.0.0.1:{n.replication_port}" for n in self._others if n.running]
        incremental, whole = self._transfer_ports
        provider = {
            "base_host": "127.0.0.1",
            "base_port": str(self.replication_port),
            "gmcast.listen_addr": f"tcp://127.0.0.1:{self.replication_port}",
            "ist.recv_addr": f"127.0.0.1:{incremental}",
            "gcache.size": "32M",
        }
        return {
            **super().launch_settings(),
            "wsrep-on": "ON",
            "wsrep-provider": _library(),
            "wsrep-provider-options": ";".join(f"{k}={v}" for k, v in provider.items()),
            "wsrep-cluster-name": "ipamd-test",
            "wsrep-cluster-address": f"gcomm://{','.join(running)}",
            "wsrep-node-name": f"node-{self.port}",
            "wsrep-node-address": "127.0.0.1",
            "wsrep-sst-method": "rsync",
            "wsrep-sst-receive-address": f"127.0.0.1:{whole}",
        }

    def answers(self) -> bool:
        """Tell whether the node is a member that works."""
        return super().answers() and self.status("wsrep_ready") == "ON"

    def status(self, name: str) -> str:
        """Return a status variable."""
        with pymysql.connect(host="127.0.0.1", port=self.port, user="root") as connection:
            cursor = connection.cursor()
            cursor.execute("SHOW GLOBAL STATUS LIKE %s", [name])
            found = cursor.fetchone()
        return str(found[1]) if found else ""

    def close(self) -> None:
        """End it and remove its data; harmless when repeated."""
        first = self.folder.exists()
        super().close()
        if first:
            for port in (self.replication_port, *self._transfer_ports):
                release_port(port)


class GaleraCluster:
    """Nodes of one cluster, started one after the other, and closed at the end."""

    def __init__(self, size: int = 2) -> None:
        self.nodes = [GaleraNode() for _ in range(size)]
        for node in self.nodes:
            node.join(self.nodes)

    def conflicts(self) -> int:
        """Return how many transactions lost against another node's so far."""
        names = ("wsrep_local_cert_failures", "wsrep_local_bf_aborts")
        return sum(int(node.status(name)) for node in self.nodes for name in names)

    def _is_whole(self) -> bool:
        size = str(len(self.nodes))
        return all(node.status("wsrep_cluster_size") == size for node in self.nodes)

    def __enter__(self) -> Self:
        try:
            for node in self.nodes:
                node.start()
            wait_until(self._is_whole, timeout=60)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        for node in reversed(self.nodes):
            node.close()


def _library() -> str:
    """Return the path of Galera, which MariaDB's package brings along.

    Raises: MissingPackages
    """
    for path in _LIBRARIES:
        if Path(path).exists():
            return path
    raise MissingPackages("the library libgalera_smm.so of the package galera-4 is not there")
