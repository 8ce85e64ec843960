"""Quantum's faults: status codes of their own in v1.0, ``QuantumError`` in v1.1.

Clients of v1.0 look the fault up by its status and read ``message`` and ``detail``, those
of v1.1 read ``type`` as well, and know no other types than these.

Source: Quantum v1 API.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement

from flask import Response, request
from werkzeug.exceptions import HTTPException

from ipamd import errors
from ipamd.api import xml
from ipamd.api.formats import CONTENT_TYPES
from ipamd.api.melange import faults as melange
from ipamd.api.quantum import documents


@dataclass(frozen=True)
class Fault:
    """How a condition is told: status and name in v1.0, status and type in v1.1."""

    code: int
    name: str
    status: int
    type: str
    message: str


_ATTACHED: Final = Fault(
    440, "alreadyAttached", 409, "AlreadyAttached", errors.AlreadyAttached.default_message
)
FAULTS: Final[dict[str, Fault]] = {
    errors.NetworkNotFound.code: Fault(
        420, "networkNotFound", 404, "NetworkNotFound",
        "Unable to find a network with the specified identifier.",
    ),
    errors.NetworkInUse.code: Fault(
        421, "networkInUse", 409, "NetworkInUse", errors.NetworkInUse.default_message
    ),
    errors.PortNotFound.code: Fault(
        430, "portNotFound", 404, "PortNotFound",
        "Unable to find a port with the specified identifier.",
    ),
    errors.PortStateInvalid.code: Fault(
        431, "requestedStateInvalid", 400, "RequestedStateInvalid",
        errors.PortStateInvalid.default_message,
    ),
    errors.PortInUse.code: Fault(
        432, "portInUse", 409, "PortInUse", errors.PortInUse.default_message
    ),
    errors.AlreadyAttached.code: _ATTACHED,
    # Quantum had no word for it; to its clients the interface is where it has addresses.
    errors.InterfaceOnAnotherNetwork.code: _ATTACHED,
}  # fmt: skip
_NAMES: Final = {400: "BadRequest", 401: "unauthorized", 503: "serviceUnavailable"}
_OTHER_NAME: Final = "quantumServiceFault"
_OTHER_TYPE: Final = "QuantumServiceFault"


def version_now() -> str:
    """Return the version that the current request's path names."""
    return request.path.split("/", 2)[1]


def fault(error: errors.IpamError) -> Response:
    """Answer an error of the service."""
    known = FAULTS.get(error.code)
    status = error.http_status
    if known is None:
        return _document(status, _NAMES.get(status, _OTHER_NAME), _OTHER_TYPE, error.message)
    if version_now() == "v1.0":
        return _document(known.code, known.name, known.type, error.message, known.message)
    return _document(known.status, known.name, known.type, error.message, known.message)


def page(error: HTTPException) -> Response:
    """Answer what HTTP itself refuses: paths without a route are no fault of Quantum's."""
    if isinstance(error, documents.MalformedBody):
        return _malformed()
    if error.code in (None, 404, 405):
        return melange.page(error)
    status = int(error.code)
    name = _NAMES.get(status, _OTHER_NAME)
    return _document(status, name, _OTHER_TYPE, error.description or error.name)


def _document(
    status: int, name: str, type_: str, detail: str, message: str | None = None
) -> Response:
    if message is None:
        message = melange.FAULTS.get(status, melange.FAULTS[500 if status >= 500 else 400])[1]
    texts = {"message": message, "detail": detail}
    if version_now() == "v1.0":
        # The reason phrase is the fault's name; HTTP has none for Quantum's own codes.
        line: int | str = f"{status} {name}" if status in range(420, 441) else status
        response = _write(name, {"code": status, **texts}, line)
    else:
        response = _write("QuantumError", {"type": type_, **texts}, status)
    if status == 503:
        response.headers["Retry-After"] = str(melange.RETRY_AFTER_SECONDS)
    return response


def _malformed() -> Response:
    """Answer a body that cannot be parsed; both versions had this form for it."""
    return _write("Error", {"code": 400, "message": "Malformed request body"}, 400)


def _write(name: str, values: dict[str, Any], status: int | str) -> Response:
    """Write a fault: in XML the code is an attribute, what else there is are children."""
    if documents.format_now() == "json":
        return documents.answer({name: values}, status, version_now())
    root = Element(name, xmlns=f"{documents.NAMESPACE}{version_now()}")
    for key, value in values.items():
        if key == "code":
            root.set(key, str(value))
        else:
            SubElement(root, key).text = xml.clean(str(value))
    return Response(xml.to_text(root), status, content_type=CONTENT_TYPES["xml"])
