"""``/ui`` mounted on the facade: every page in one table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flask import Blueprint, Response, redirect, request
from flask.sansio.app import App
from jinja2 import StrictUndefined
from oslo_config import cfg
from werkzeug.wrappers import Response as BaseResponse

from ipamd import errors
from ipamd.api import auth
from ipamd.api.backend import Backend
from ipamd.api.mounts import Mount
from ipamd.api.ui import addresses, blocks, events, faults, figures, networks, search, sign_in
from ipamd.api.ui.forms import Forms, secret_of
from ipamd.api.ui.site import PREFIX, Site, rule_of, secure
from ipamd.ipam.addresses import compact_address, parse_address

View = Callable[..., BaseResponse]
_READ: Final = ("GET",)
_ASK: Final = ("GET", "POST")
_ADDRESS: Final = "/blocks/<ip_block_id>/<address>"

# Path, view, what the caller has to be allowed to, verbs.
PAGES: Final[tuple[tuple[str, View, str, tuple[str, ...]], ...]] = (
    ("/", blocks.show_tree, "list_ip_blocks", _READ),
    ("/blocks/<ip_block_id>/", blocks.show_block, "get_ip_block", _READ),
    (
        "/blocks/<ip_block_id>/allocate", addresses.allocate_address, "allocate_ip_address", _ASK,
    ),
    (_ADDRESS, addresses.show_address, "get_ip_address", _READ),
    (f"{_ADDRESS}/release", addresses.release_address, "deallocate_ip_address", _ASK),
    (f"{_ADDRESS}/restore", addresses.restore_address, "restore_ip_address", _ASK),
    ("/networks/", networks.show_networks, "list_networks", _READ),
    ("/networks/<network_id>", networks.show_network, "get_network", _READ),
    ("/search", search.show_search, "search_resources", _READ),
    ("/events", events.show_events, "list_events", _READ),
    ("/events/stream", events.stream_events, "list_events", _READ),
)  # fmt: skip


def mount(conf: cfg.ConfigOpts, backend: Backend) -> Mount:
    """Return the mount of ``/ui``."""
    site = Site(backend, Forms(secret_of(conf)))
    blueprint = Blueprint(
        "ui",
        __name__,
        url_prefix=PREFIX,
        template_folder="templates",
        static_folder="static",
        static_url_path="/static",
    )
    blueprint.after_request(secure)
    blueprint.record(lambda state: _teach(state.app, site, sign_in.is_needed(conf)))
    blueprint.add_url_rule("", endpoint="root", view_func=lambda: redirect(f"{PREFIX}/"))
    for path, view, operation, methods in PAGES:
        blueprint.add_url_rule(
            path,
            endpoint=view.__name__,
            view_func=_guarded(site, view, rule_of(operation)),
            methods=list(methods),
        )
    has_form = sign_in.is_needed(conf)
    if has_form:
        door = sign_in.SignIn(conf, site)
        blueprint.add_url_rule("/sign-in", view_func=door.sign_in, methods=["GET", "POST"])
        blueprint.add_url_rule("/sign-out", view_func=door.sign_out, methods=["POST"])

    def fault(error: errors.IpamError) -> Response:
        if has_form and isinstance(error, errors.Unauthenticated) and request.method == "GET":
            return sign_in.lead_there()
        return faults.fault(error)

    return Mount((PREFIX,), (blueprint,), fault, faults.page_of)


def _guarded(site: Site, view: View, rule: str) -> View:
    def guarded(**variables: str) -> BaseResponse:
        auth.require(rule)
        return view(site, **variables)

    return guarded


def _teach(app: App, site: Site, may_sign_out: bool) -> None:
    """Teach the templates how figures are written, and to fail on a name they misspell."""
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        number=figures.number,
        moment=figures.moment,
        address=lambda text: compact_address(parse_address(text)),
    )
    app.jinja_env.globals.update(
        duration=figures.duration, viewer=site.viewer, may_sign_out=may_sign_out
    )
