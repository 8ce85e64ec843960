"""Real servers for tests: private, on 127.0.0.1, started when needed, gone afterwards.

Fixtures are in ``plugin``. Tests that kill or pause a server start one of their own:
``with PostgreSQL() as server: ...``, marked ``@pytest.mark.services("postgresql")``.
"""

from tests.services.databases import fresh_database
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL
from tests.services.process import Process
from tests.services.rabbitmq import RabbitMQ
from tests.services.server import Server
from tests.services.vhosts import fresh_vhost

__all__ = [
    "MariaDB",
    "PostgreSQL",
    "Process",
    "RabbitMQ",
    "Server",
    "fresh_database",
    "fresh_vhost",
]
