"""``/healthcheck`` and ``/metrics``: what probes and Prometheus ask.

Liveness asks nobody: a process that cannot reach its workers is not helped by being
started again.  How the service is doing in detail is told on this machine, and to admins.
"""

from __future__ import annotations

import ipaddress
import json
from typing import Any

from flask import Blueprint, Response, request
from oslo_config import cfg

from ipamd import errors
from ipamd.api import auth
from ipamd.api.backend import Backend
from ipamd.api.melange import faults
from ipamd.metrics.exposition import Exposed


def blueprint(conf: cfg.ConfigOpts, backend: Backend, exposed: Exposed) -> Blueprint:
    """Return the views.

    Raises: cfg.Error when ``[api] metrics_allow`` cannot be used
    """
    views = Blueprint("monitoring", __name__)
    allowed = networks(conf)

    def alive() -> Response:
        """Tell that this process serves requests; asks nothing of anyone else."""
        return _json({"status": "ok"})

    def ready() -> Response:
        """Tell whether a request would be served: a worker answers and has its database."""
        auth.allow_anyone()
        try:
            health = backend.call("get_health")
        except errors.IpamError as error:
            response = _json({"status": "unavailable", "reason": error.message}, 503)
            response.headers["Retry-After"] = str(faults.RETRY_AFTER_SECONDS)
            return response
        detailed = auth.may_see_details()
        return _json({"status": "ok", "worker": health} if detailed else {"status": "ok"})

    def metrics() -> Response:
        """Tell Prometheus the figures."""
        if not auth.comes_from(request, allowed) and not auth.is_admin():
            raise errors.Forbidden("[api] metrics_allow does not name your address")
        text, content_type = exposed.text(request.headers.get("Accept", ""))
        return Response(text, content_type=content_type)

    for rule, view in (
        ("/healthcheck", alive),
        ("/healthcheck/live", alive),
        ("/healthcheck/ready", ready),
        ("/metrics", metrics),
    ):
        name = rule.strip("/").replace("/", "_")
        views.add_url_rule(rule, name, view, methods=["GET"], provide_automatic_options=False)
    return views


def networks(conf: cfg.ConfigOpts) -> list[auth.Network]:
    """Read ``[api] metrics_allow``.

    Raises: cfg.Error
    """
    try:
        return [ipaddress.ip_network(text) for text in conf.api.metrics_allow]
    except ValueError as error:
        raise cfg.Error(f"[api] metrics_allow: {error}") from None


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")
