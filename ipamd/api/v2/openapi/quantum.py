"""Operations of Quantum's API, v1.0 and v1.1: each row of its table is one."""

from __future__ import annotations

from typing import Final

from ipamd.api.quantum.api import VERSIONS, Version
from ipamd.api.quantum.routes import ROUTES
from ipamd.api.v2.openapi.operations import JSON, TEXT, XML, Operation
from ipamd.api.v2.schemas.parts import Schema, array, properties, ref, wrapped

_ID: Final = properties({"id": TEXT})
_ATTACHMENT: Final = properties({}, {"id": TEXT})
# op-status is shown in v1.1.
_OP_STATUS: Final = {"op-status": TEXT}
_PORT: Final = {"id": TEXT, "state": {"enum": ["ACTIVE", "DOWN"]}}
_NETWORK: Final = {"id": TEXT, "name": TEXT}
_PORT_IN_DETAIL: Final = properties(_PORT, {**_OP_STATUS, "attachment": _ATTACHMENT})

SCHEMAS: Final[dict[str, Schema]] = {
    "quantum_network": properties(_NETWORK, _OP_STATUS),
    "quantum_network_in_detail": properties(
        {**_NETWORK, "ports": array(_PORT_IN_DETAIL)}, _OP_STATUS
    ),
    "quantum_port": properties(_PORT, _OP_STATUS),
    "quantum_port_in_detail": _PORT_IN_DETAIL,
    "quantum_fault": {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": properties(
            {"message": TEXT}, {"code": {"type": "integer"}, "type": TEXT, "detail": TEXT}
        ),
    },
}
_ERRORS: Final[dict[str, Schema]] = {
    JSON: ref("quantum_fault"),
    XML: {},
    "text/plain": TEXT,
    "text/html": TEXT,
}
# Name of the view -> what it answers with; the others answer nothing.
_ANSWERS: Final[dict[str, Schema]] = {
    "list_networks": wrapped("networks", array(_ID)),
    "list_networks_in_detail": wrapped("networks", array(ref("quantum_network"))),
    "create_network": wrapped("network", _ID),
    "get_network": wrapped("network", ref("quantum_network")),
    "get_network_in_detail": wrapped("network", ref("quantum_network_in_detail")),
    "list_ports": wrapped("ports", array(_ID)),
    "list_ports_in_detail": wrapped("ports", array(ref("quantum_port"))),
    "create_port": wrapped("port", _ID),
    "get_port": wrapped("port", ref("quantum_port")),
    "get_port_in_detail": wrapped("port", ref("quantum_port_in_detail")),
    "get_port_attachment": wrapped("attachment", _ATTACHMENT),
}


def _body(root: str, **fields: Schema) -> Schema:
    inside = {"type": "object", "properties": fields}
    return {"type": "object", "required": [root], "properties": {root: inside}}


_NAME: Final[Schema] = {"type": "string", "format": "name"}
_STATE: Final[Schema] = {"enum": ["ACTIVE", "DOWN"]}
_BODIES: Final[dict[str, Schema]] = {
    "create_network": _body("network", name=_NAME),
    "update_network": _body("network", name=_NAME),
    "create_port": _body("port", state=_STATE),
    "update_port": _body("port", state=_STATE),
    "set_port_attachment": _body("attachment", id=_NAME),
}
_FILTERS: Final = {
    "list_networks": (
        "name", "op-status", "port", "port-state", "port-op-status", "has-attachment",
        "attachment",
    ),
    "list_ports": ("state", "op-status", "has-attachment", "attachment"),
}  # fmt: skip


def operations() -> list[Operation]:
    """Return the operations of both versions."""
    return [
        _operation(version, verb, path, view.__name__)
        for version in VERSIONS
        for verb, path, view in ROUTES
    ]


def _operation(version: Version, verb: str, path: str, name: str) -> Operation:
    made = {
        f"{noun}_id": f"/{noun}/id" for noun in ("network", "port") if name == f"create_{noun}"
    }
    answer = _ANSWERS.get(name)
    return Operation(
        name=f"quantum_{version.name.replace('.', '_')}_{name}",
        tag="quantum",
        verb=verb,
        path=f"/{version.name}{path}",
        summary=name.replace("_", " ").capitalize(),
        status=204 if answer is None else version.created if verb == "POST" else 200,
        answer=answer,
        errors=_ERRORS,
        body=_BODIES.get(name),
        query=dict.fromkeys(_FILTERS.get(name.removesuffix("_in_detail"), ()), TEXT),
        media_types=(JSON, XML),
        made=made,
    )
