"""Every error that a caller of ipamd can see: one hierarchy, one table.

Each class states its stable ``code``, the HTTP status the facade answers with and
whether the same request may succeed when it is sent again.  The message is written
for the caller; the keyword arguments travel with it over RPC, so that oslo.messaging
rebuilds the same exception on the client (``cls(*args, **kwargs)``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar


class IpamError(Exception):
    """The base of all errors that cross the wire; itself an error of the server.

    ``kwargs`` holds JSON values only: it is what oslo.messaging serialises.
    """

    code: ClassVar[str] = "internal_error"
    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    default_message: ClassVar[str] = "The server could not complete the request"

    def __init__(self, message: str | None = None, **details: Any) -> None:
        self.message = message or self.default_message
        self.kwargs = details
        super().__init__(self.message)

    def to_dict(self) -> dict[str, Any]:
        """Return the error as error events and stored answers carry it."""
        return {"code": self.code, "message": self.message, "details": self.kwargs}


# --- the request is wrong -----------------------------------------------------------


class BadRequest(IpamError):
    """The request has the wrong shape: a type, an argument or a body."""

    code = "bad_request"
    http_status = 400
    default_message = "The request is malformed"


class ValidationError(BadRequest):
    """Some values are invalid; ``fields`` maps each field's name to its messages."""

    code = "invalid_values"
    default_message = "The following values are invalid"

    def __init__(
        self, message: str | None = None, *, fields: Mapping[str, Iterable[str]] | None = None
    ) -> None:
        self.fields = {name: list(texts) for name, texts in (fields or {}).items()}
        text = message or f"The following values are invalid: {self.fields!r}"
        super().__init__(text, fields=self.fields)


class MissingParameters(BadRequest):
    """Mandatory parameters were not given; ``names`` lists them."""

    code = "missing_parameters"

    def __init__(self, message: str | None = None, *, names: Iterable[str] = ()) -> None:
        self.names = list(names)
        text = message or f"Required params are missing: {', '.join(self.names)}"
        super().__init__(text, names=self.names)


class UnknownMethod(BadRequest):
    """No RPC method of that name exists."""

    code = "unknown_method"
    default_message = "No such method"


class Unauthenticated(IpamError):
    """The caller named no credentials, or none that are accepted."""

    code = "unauthenticated"
    http_status = 401
    default_message = "The credentials of this request are missing or were refused"


class Forbidden(IpamError):
    """The caller may not do this."""

    code = "forbidden"
    http_status = 403
    default_message = "You are not allowed to do this"


# --- something is not there ---------------------------------------------------------


class NotFound(IpamError):
    """The resource does not exist, or not for this tenant."""

    code = "not_found"
    http_status = 404
    default_message = "Not Found"


class IpBlockNotFound(NotFound):
    code = "ip_block_not_found"
    default_message = "IpBlock Not Found"


class IpAddressNotFound(NotFound):
    code = "ip_address_not_found"
    default_message = "IpAddress Not Found"


class InterfaceNotFound(NotFound):
    code = "interface_not_found"
    default_message = "Interface Not Found"


class NetworkNotFound(NotFound):
    code = "network_not_found"
    default_message = "Network Not Found"


class PortNotFound(NotFound):
    code = "port_not_found"
    default_message = "Port Not Found"


class PolicyNotFound(NotFound):
    code = "policy_not_found"
    default_message = "Policy Not Found"


class IpRangeNotFound(NotFound):
    code = "ip_range_not_found"
    default_message = "IpRange Not Found"


class IpOctetNotFound(NotFound):
    code = "ip_octet_not_found"
    default_message = "IpOctet Not Found"


class IpRouteNotFound(NotFound):
    code = "ip_route_not_found"
    default_message = "IpRoute Not Found"


class MacAddressRangeNotFound(NotFound):
    code = "mac_address_range_not_found"
    default_message = "MacAddressRange Not Found"


class AllowedIpNotFound(NotFound):
    code = "allowed_ip_not_found"
    default_message = "IpAddress Not Found"


class NatNotFound(NotFound):
    code = "nat_not_found"
    default_message = "NAT Not Found"


class InstanceNotFound(NotFound):
    code = "instance_not_found"
    default_message = "Instance Not Found"


class RequestNotFound(NotFound):
    code = "request_not_found"
    default_message = "Request Not Found"


# --- the state does not allow it ----------------------------------------------------


class Conflict(IpamError):
    """The request contradicts the present state."""

    code = "conflict"
    http_status = 409
    default_message = "The request conflicts with the present state"


class AddressAlreadyAllocated(Conflict):
    code = "address_already_allocated"
    default_message = "Address is already allocated"


class RequestInProgress(Conflict):
    """A request with this idempotency key is being worked on at this moment."""

    code = "request_in_progress"
    retryable = True
    default_message = "A request with this idempotency key is still in progress"


class NetworkInUse(Conflict):
    code = "network_in_use"
    default_message = "Unable to remove the network: attachments still plugged."


class PortInUse(Conflict):
    code = "port_in_use"
    default_message = "A resource is currently attached to the logical port"


class AlreadyAttached(Conflict):
    code = "already_attached"
    default_message = "The resource is already attached to another port"


class PortStateInvalid(BadRequest):
    code = "port_state_invalid"
    default_message = "Unable to update port state with specified value."


class Unprocessable(IpamError):
    """The request is well formed, and cannot be done."""

    code = "unprocessable"
    http_status = 422
    default_message = "The request can not be processed"


class NoMoreAddressesError(Unprocessable):
    """The block, or every block of the network, has no free address left."""

    code = "no_more_addresses"
    default_message = "IpBlock is full"


class NoMoreMacAddressesError(Unprocessable):
    code = "no_more_mac_addresses"
    default_message = "No more mac Addresses"


class AddressNotInBlock(Unprocessable):
    code = "address_not_in_block"
    default_message = "Address does not belong to IpBlock"


class AddressDisallowedByPolicy(Unprocessable):
    code = "address_disallowed_by_policy"
    default_message = "Block policy does not allow this address"


class AddressLocked(Unprocessable):
    """The address is in quarantine, or another state that forbids the request."""

    code = "address_locked"
    default_message = "Address is locked"


class BlockHasSubnets(Unprocessable):
    code = "block_has_subnets"
    default_message = "Subnetted block cannot allocate IPAddress"


class InterfaceOnAnotherNetwork(Unprocessable):
    code = "interface_on_another_network"
    default_message = "Interface is configured on another network"


class IdempotencyKeyReused(Unprocessable):
    """The idempotency key was used before with another method or other arguments."""

    code = "idempotency_key_reused"
    default_message = "This idempotency key was used before with other arguments"


class QuotaExceeded(Forbidden):
    """The tenant has as many blocks, addresses or interfaces as ``[quota]`` lets it."""

    code = "quota_exceeded"
    default_message = "The tenant's quota is exhausted"


class TooManyRequests(IpamError):
    """The caller sent more requests than ``[api] rate_limit`` allows.

    ``retry_after`` says in how many seconds the next one may be sent.
    """

    code = "too_many_requests"
    http_status = 429
    retryable = True
    default_message = "Too many requests: wait before the next one"


# --- try again later ----------------------------------------------------------------


class Unavailable(IpamError):
    """Something that ipamd needs (broker, worker, database) cannot be reached."""

    code = "unavailable"
    http_status = 503
    retryable = True
    default_message = "The service is not available at the moment"


class Busy(Unavailable):
    """The database refused the transaction too often; nothing was changed."""

    code = "busy"
    default_message = "The service is too busy; nothing was changed"


class RequestTimeout(IpamError):
    """No answer came in time; the request may or may not have been done."""

    code = "request_timeout"
    http_status = 504
    retryable = True
    default_message = "No worker answered in time"


def all_errors(base: type[IpamError] = IpamError) -> list[type[IpamError]]:
    """Return ``base`` and all its subclasses in the order of their definition."""
    found = [base]
    for child in base.__subclasses__():
        found.extend(all_errors(child))
    return found


def from_dict(data: Mapping[str, Any]) -> IpamError:
    """Rebuild an error from ``to_dict()``; an unknown code gives an ``IpamError``."""
    by_code = {cls.code: cls for cls in all_errors()}
    cls = by_code.get(str(data.get("code")), IpamError)
    return cls(data.get("message"), **data.get("details", {}))
