"""Operations that belong to no version: discovery, health, extensions."""

from __future__ import annotations

from typing import Final

from ipamd.api.v2.openapi.melange import ERRORS
from ipamd.api.v2.openapi.operations import JSON, XML, Operation
from ipamd.api.v2.schemas.parts import Schema, array, ref, wrapped

_ATOM: Final = "application/atom+xml"
_VERSIONS: Final = wrapped("versions", array({"type": "object", "required": ["status", "links"]}))
_EXTENSIONS: Final = wrapped("extensions", array({}, maxItems=0))
_STATUS: Final[Schema] = {"type": "object", "required": ["status"]}

# Path -> name, answer, media types.
_GETS: Final[dict[str, tuple[str, Schema, tuple[str, ...]]]] = {
    "/": ("list_versions", _VERSIONS, (JSON, XML, _ATOM)),
    "/.atom": ("list_versions_as_feed", {}, (_ATOM,)),
    "/healthcheck": ("get_liveness", _STATUS, (JSON,)),
    "/healthcheck/live": ("get_liveness_by_its_name", _STATUS, (JSON,)),
    "/healthcheck/ready": ("get_readiness", _STATUS, (JSON,)),
    "/metrics": ("get_metrics", {"type": "string"}, ("text/plain",)),
    "/extensions": ("list_extensions", _EXTENSIONS, (JSON, XML)),
    "/v0.1/extensions": ("v0_1_list_extensions", _EXTENSIONS, (JSON, XML)),
    "/v1.0/extensions": ("v1_0_list_extensions", _EXTENSIONS, (JSON, XML)),
    "/v1.1/extensions": ("v1_1_list_extensions", _EXTENSIONS, (JSON, XML)),
    "/v2": ("show_version", ref("versions"), (JSON,)),
    "/v2/": ("show_version_below", ref("versions"), (JSON,)),
    "/v2/openapi.json": ("show_openapi", ref("openapi"), (JSON,)),
}


def operations() -> list[Operation]:
    """Return the operations."""
    return [
        Operation(
            name=name,
            tag="root",
            verb="GET",
            path=path,
            summary=name.replace("_", " ").capitalize(),
            status=200,
            answer=answer,
            errors={JSON: ref("errors")} if path.startswith("/v2") else {**ERRORS, JSON: {}},
            media_types=media_types,
        )
        for path, (name, answer, media_types) in _GETS.items()
    ]
