"""Operations of Nova's API that are served below ``/compute``."""

from __future__ import annotations

from typing import Final

from ipamd.api.compute.mount import NET_ID_OF_V2
from ipamd.api.compute.versions import COMPUTE
from ipamd.api.microversions import STANDARD_HEADER
from ipamd.api.v2.openapi.operations import JSON, TEXT, XML, Operation
from ipamd.api.v2.schemas.parts import TEXT_OR_NULL, Schema, array, properties, wrapped

_ERRORS: Final[dict[str, Schema]] = {
    JSON: {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": properties({"code": {"type": "integer"}, "message": TEXT}),
    }
}
_NUMBER: Final[Schema] = {"type": "integer", "minimum": 0}
_VERSION: Final[Schema] = {"type": "object", "required": ["id", "status", "links"]}
_HEADER: Final[Schema] = {
    "enum": [f"{COMPUTE.type} {version}" for version in ("2.1", "2.11", "2.12", "latest")]
}


def operations() -> list[Operation]:
    """Return the lists of virtual interfaces, and the documents of versions."""
    found = [_listing(version, project) for version in ("v2", "v2.1") for project in (False, True)]
    documents = {
        "/compute": wrapped("versions", array(_VERSION)),
        "/compute/v2": wrapped("version", _VERSION),
        "/compute/v2.1": wrapped("version", _VERSION),
    }
    return found + [
        _document(path + slash, answer)
        for path, answer in documents.items()
        for slash in ("", "/")
    ]


def _listing(version: str, project: bool) -> Operation:
    frozen = version == "v2"
    net_id = NET_ID_OF_V2 if frozen else "net_id"
    shown = {"id": TEXT, "mac_address": TEXT_OR_NULL}
    optional = {net_id: TEXT_OR_NULL}
    item = properties({**shown, **optional}) if frozen else properties(shown, optional)
    name = f"compute_{version.replace('.', '_')}_list_virtual_interfaces"
    return Operation(
        name=f"{name}_of_project" if project else name,
        tag="compute",
        verb="GET",
        path=(
            f"/compute/{version}{'/{project_id}' if project else ''}"
            "/servers/{server_id}/os-virtual-interfaces"
        ),
        summary="List virtual interfaces",
        status=200,
        answer=wrapped("virtual_interfaces", array(item)),
        errors={**_ERRORS, XML: {}},
        query={"limit": _NUMBER, "offset": _NUMBER},
        headers={} if frozen else {STANDARD_HEADER: _HEADER},
        media_types=(JSON, XML) if frozen else (JSON,),
    )


def _document(path: str, answer: Schema) -> Operation:
    name = path.strip("/").replace("/", "_").replace(".", "_")
    suffix = "_below" if path.endswith("/") else ""
    return Operation(
        name=f"{name}_document{suffix}",
        tag="compute",
        verb="GET",
        path=path,
        summary="Show versions",
        status=200,
        answer=answer,
        errors=_ERRORS,
    )
