"""The facade: every API mounted on one Flask application, and errors in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask, Response, request
from oslo_config import cfg
from oslo_log import log as logging
from werkzeug.exceptions import HTTPException

from ipamd import errors
from ipamd.api import auth, event_stream, monitoring, rate_limits, versions
from ipamd.api.account import ACCOUNT, ObservedCaller
from ipamd.api.backend import Backend
from ipamd.api.compute import mount as compute
from ipamd.api.melange import mount as melange
from ipamd.api.melange.paths import MelangePaths
from ipamd.api.middleware import RequestEnvelope
from ipamd.api.mounts import Mount, mount_of
from ipamd.api.quantum import mount as quantum
from ipamd.api.ui import mount as ui
from ipamd.api.ui import sign_in
from ipamd.api.v2 import mount as v2
from ipamd.metrics.exposition import Exposed
from ipamd.metrics.instruments import new_registry

if TYPE_CHECKING:
    from ipamd.rpc.caller import Caller

LOG = logging.getLogger(__name__)


def create_app(conf: cfg.ConfigOpts, caller: Caller, exposed: Exposed | None = None) -> Flask:
    """Build the WSGI application that turns HTTP requests into calls of ``caller``.

    ``exposed``: what to count into and to tell at ``/metrics``; default: figures of its own.

    Raises: cfg.Error when what ``[api]`` names cannot be used
    """
    app = Flask("ipamd", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = conf.api.max_body_size
    app.url_map.merge_slashes = False
    most_streams = min(conf.api.event_streams, max(conf.api.threads - 1, 1))
    app.extensions[event_stream.EXTENSION] = event_stream.Streams(most_streams)
    exposed = exposed or Exposed.of(new_registry())
    observed = ObservedCaller(caller, exposed.metrics)
    backend = Backend(observed, timeout=conf.api.rpc_timeout)

    mounts = (
        versions.mount(conf),
        melange.mount(conf, backend),
        quantum.mount(conf, backend),
        compute.mount(conf, backend),
        v2.mount(conf, backend),
        ui.mount(conf, backend),
    )
    for mount in mounts:
        for blueprint in mount.blueprints:
            app.register_blueprint(blueprint)
    app.register_blueprint(monitoring.blueprint(conf, backend, exposed))
    handle_errors(app, mounts)
    auth.install(app, conf)
    rate_limits.install(app, conf, lambda error: mount_of(mounts, request.path).fault(error))
    if sign_in.is_needed(conf):
        # Outside of what looks for a token.
        app.wsgi_app = sign_in.CookieToken(app.wsgi_app, conf)  # type: ignore[method-assign]

    # From the outside in: id and log line, Melange's spellings of paths, who asks, Flask.
    app.wsgi_app = RequestEnvelope(MelangePaths(app.wsgi_app), exposed.metrics)  # type: ignore[method-assign]
    return app


def handle_errors(app: Flask, mounts: tuple[Mount, ...]) -> None:
    """Let each mount word the errors of its own paths; nothing leaves as a traceback."""

    def fault(error: errors.IpamError) -> Response:
        request.environ[ACCOUNT].outcome = error.code
        return mount_of(mounts, request.path).fault(error)

    def page(error: HTTPException) -> Response:
        return mount_of(mounts, request.path).page(error)

    def unexpected(error: Exception) -> Response:
        LOG.error("%s %s failed", request.method, request.path, exc_info=error)
        return fault(errors.IpamError())

    app.register_error_handler(errors.IpamError, fault)
    app.register_error_handler(HTTPException, page)
    app.register_error_handler(Exception, unexpected)
