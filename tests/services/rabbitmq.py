"""A private RabbitMQ server with its management API."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

import amqp
import requests

from tests.services.packages import program
from tests.services.ports import is_open, release_port, reserve_port
from tests.services.process import Process
from tests.services.server import Server

# Erlang's schedulers would otherwise spin while they wait, at the cost of the tests.
_NO_BUSY_WAITING = "+sbwt none +sbwtdcpu none +sbwtdio none"


class RabbitMQ(Server):
    """RabbitMQ on 127.0.0.1, user and password ``guest``.

    ``settings`` go into rabbitmq.conf.
    """

    name = "rabbitmq"
    packages = ("rabbitmq-server",)
    programs = ("rabbitmq-server", "epmd")
    variable = "IPAMD_TEST_RABBITMQ_URL"
    account = "rabbitmq"

    def __init__(self, *, settings: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.management_port = reserve_port()
        self._epmd_port = reserve_port()
        self._distribution_port = reserve_port()
        self._epmd: Process | None = None
        self._mapper_of: RabbitMQ = self
        self.settings = {
            "listeners.tcp.1": f"127.0.0.1:{self.port}",
            "management.tcp.ip": "127.0.0.1",
            "management.tcp.port": str(self.management_port),
            "disk_free_limit.absolute": "500MB",
            # A message count asked of the management API is seldom older than this.
            "collect_statistics_interval": "1000",
            **(settings or {}),
        }

    @property
    def url(self) -> str:
        """transport_url of the virtual host ``/``."""
        return f"rabbit://guest:guest@127.0.0.1:{self.port}//"

    @property
    def management_url(self) -> str:
        """Where the management API answers, with name and password."""
        return f"http://guest:guest@127.0.0.1:{self.management_port}"

    def share_port_mapper(self, other: RabbitMQ) -> None:
        """Use the port mapper of ``other``, which starts first and is closed last."""
        if other is not self:
            release_port(self._epmd_port)
            self._epmd_port = other._epmd_port
            self._mapper_of = other

    def prepare(self) -> None:
        """Write the configuration."""
        lines = [f"{name} = {value}\n" for name, value in self.settings.items()]
        (self.folder / "rabbitmq.conf").write_text("".join(lines))
        (self.folder / "enabled_plugins").write_text("[rabbitmq_management].\n")

    def launch(self) -> Process:
        """Start the node, and before it its port mapper, which outlives it."""
        env = self._environment()
        is_there = self._epmd is not None and self._epmd.returncode is None
        if self._mapper_of is self and not is_there:
            self._epmd = self.spawn([program("epmd")], env)
        return self.spawn([program("rabbitmq-server")], env)

    def _environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.folder),  # of the Erlang cookie
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"ipamd-test-{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_LOGS": "-",
            # Replaces the wrapping shell, which would turn signals into rabbitmqctl.
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                f"{_NO_BUSY_WAITING} -noinput -kernel inet_dist_use_interface {{127,0,0,1}}"
            ),
        }

    def flush(self) -> None:
        """Have the queues declared so far written to disk, as a ``kill`` may follow.

        RabbitMQ confirms messages once they are on disk, but declarations before.

        Raises: RuntimeError when the server refuses.
        """
        flushing = self.spawn(
            [program("rabbitmqctl"), "eval", "ok = mnesia:sync_log()."], self._environment()
        )
        code = flushing.wait(self.start_timeout)
        if code != 0:
            raise RuntimeError(f"rabbitmqctl ended with {code}:\n{self.log.read_text()[-2000:]}")

    def control(self) -> str:
        """Return a shell script that runs rabbitmqctl on this node."""
        account = ["runuser", "-u", self.user, "--"] if self.user else []
        settings = [f"{name}={value}" for name, value in self._environment().items()]
        command = shlex.join([*account, "env", *settings, str(program("rabbitmqctl"))])
        return f'cd {self.folder}\nexec {command} "$@"\n'

    def answers(self) -> bool:
        """Tell whether a client can log in and the management API answers."""
        if not is_open(self.port):
            return False
        try:
            with amqp.Connection(f"127.0.0.1:{self.port}", connect_timeout=2) as connection:
                connection.channel().close()
            return requests.get(f"{self.management_url}/api/overview", timeout=5).ok
        except (OSError, amqp.AMQPError):
            return False

    def close(self) -> None:
        """End node and port mapper and remove the data; harmless when repeated."""
        first = self.folder.exists()
        super().close()
        if self._epmd is not None:
            self._epmd.kill()
        if first:
            for port in (self.management_port, self._distribution_port):
                release_port(port)
            if self._mapper_of is self:
                release_port(self._epmd_port)
