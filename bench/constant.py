"""The other side of the group ``rest``: a Flask route that returns a constant.

``python -m bench.constant PORT``; the same server with the same settings as ``ipamd-all``.
"""

from __future__ import annotations

import sys

from flask import Flask, Response

from ipamd import config
from ipamd.api import event_stream
from ipamd.cmd.serving import Part, Server

_BODY = (
    '{"ip_address": {"id": "6a3d3c1c-9e34-4f4a-8f0f-52e0f8f37d40", "ip_block_id": '
    '"6a3d3c1c-9e34-4f4a-8f0f-52e0f8f37d41", "address": "10.0.0.2", "version": 4, '
    '"interface_id": "vif-1", "used_by_tenant": "bench", "used_by_device": null, '
    '"created_at": "2012-05-21T18:00:41Z", "updated_at": "2012-05-21T18:00:41Z"}}'
)


def make_app() -> Flask:
    """Build an application of one route."""
    app = Flask("constant")
    app.extensions[event_stream.EXTENSION] = event_stream.Streams(1)  # the server asks for it

    @app.post("/constant")
    def constant() -> Response:
        return Response(_BODY, status=201, content_type="application/json")

    @app.get("/")
    def ready() -> str:
        return "ready"

    return app


def main() -> None:
    """Serve until killed."""
    conf = config.load([])
    conf.set_override("bind_port", int(sys.argv[1]), group="api")
    part = Part(make_app(), lambda: None)
    Server(conf, lambda: part, processes=1, greeting="constant").run()


if __name__ == "__main__":
    main()
