"""The wire format of oslo.messaging's RPC, envelope 2.0, read and written without it.

A request that cannot be served still tells, where it can, who waits for the answer:
``Malformed.reply_to`` is set as soon as the body could be read that far.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from ipamd import errors, fast_json

CONTENT_TYPE = "application/json"
CONTENT_ENCODING = "utf-8"

_VERSION_KEY = "oslo.version"
_MESSAGE_KEY = "oslo.message"
_ENVELOPE_VERSION = "2.0"
_CONTEXT = "_context_"
_PREFIX = len(_CONTEXT)
# Longer ones are no versions; and what is asked for stays in a cache.
_LONGEST_VERSION = 32
_DISPATCHER = "oslo_messaging.rpc.dispatcher"
_ERRORS = errors.__name__


class ReplyTo(NamedTuple):
    """Where the answer to a call goes, and by what the caller recognises it."""

    queue: str
    msg_id: str


class Request(NamedTuple):
    """One request as it came in; a cast has no ``reply_to``.

    ``monitor_timeout``: seconds after which a caller that hears nothing gives up.
    """

    method: str
    args: dict[str, Any]
    context: dict[str, Any]
    version: str
    namespace: str | None
    unique_id: str | None
    reply_to: ReplyTo | None
    monitor_timeout: int


class Malformed(Exception):
    """The body is not a request; ``failure`` is what a caller, if known, is told."""

    def __init__(
        self,
        reason: str,
        reply_to: ReplyTo | None = None,
        failure: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(reason)
        self.reply_to = reply_to
        self.failure = failure or describe(errors.BadRequest(reason))


def parse(body: bytes | str) -> Request:
    """Read a request.

    Raises: Malformed.
    """
    message = _unwrap(_load(body, "The body"))
    reply_to = _reply_to(message)
    method = message.get("method")
    if not isinstance(method, str) or not method:
        raise Malformed("The message names no method", reply_to)
    args = message.get("args", {})
    if not isinstance(args, dict):
        raise Malformed("The arguments are no object", reply_to)
    version, namespace = message.get("version"), message.get("namespace")
    unique_id = message.get("_unique_id")
    return Request(
        method=method,
        args=args,
        context={k[_PREFIX:]: v for k, v in message.items() if k.startswith(_CONTEXT)},
        version="1.0" if version is None else str(version),
        namespace=None if namespace is None else str(namespace),
        unique_id=unique_id if isinstance(unique_id, str) and unique_id else None,
        reply_to=reply_to,
        monitor_timeout=_seconds(message.get("_timeout")),
    )


def _load(text: bytes | str, what: str) -> dict[str, Any]:
    try:
        value = fast_json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed(f"{what} is no JSON") from None
    if not isinstance(value, dict):
        raise Malformed(f"{what} is no JSON object")
    return value


def _unwrap(outer: dict[str, Any]) -> dict[str, Any]:
    if _VERSION_KEY not in outer or _MESSAGE_KEY not in outer:
        return outer  # a bare message: what oslo.messaging calls envelope 1.0
    version, text = outer[_VERSION_KEY], outer[_MESSAGE_KEY]
    if not isinstance(text, str):
        raise Malformed("The envelope holds no message")
    if is_compatible(_ENVELOPE_VERSION, str(version)):
        return _load(text, "The message in the envelope")
    sentence = f"Specified RPC envelope version, {version}, not supported by this endpoint."
    try:
        reply_to = _reply_to(_load(text, "The message"))
    except Malformed:
        reply_to = None
    failure = _failure("UnsupportedRpcEnvelopeVersion", "oslo_messaging._drivers.common", sentence)
    raise Malformed(sentence, reply_to, failure)


def _reply_to(message: Mapping[str, Any]) -> ReplyTo | None:
    queue, msg_id = message.get("_reply_q"), message.get("_msg_id")
    # AMQP's short strings hold 255 bytes; a longer name cannot be a queue's.
    if isinstance(queue, str) and isinstance(msg_id, str) and 0 < len(queue.encode()) < 256:
        return ReplyTo(queue, msg_id)
    return None


def _seconds(value: Any) -> int:
    """Return whole seconds, or 0 where the caller sent none or nonsense."""
    try:
        return max(0, int(value)) if value is not None else 0
    except (TypeError, ValueError, OverflowError):
        return 0


def is_compatible(ours: str, asked: str) -> bool:
    """Apply oslo.messaging's rule: the same major, at most our minor (and revision)."""
    return len(asked) <= _LONGEST_VERSION and _is_compatible(ours, asked)


@functools.lru_cache(maxsize=64)
def _is_compatible(ours: str, asked: str) -> bool:
    try:
        mine = [int(part) for part in ours.split(".")]
        theirs = [int(part) for part in asked.split(".")]
    except ValueError:
        return False
    return len(theirs) > 1 and mine[0] == theirs[0] and theirs[1:] <= [*mine[1:], 0]


# --- answers ----------------------------------------------------------------------------


def _failure(class_: str, module: str, message: str, **kwargs: Any) -> dict[str, Any]:
    return {
        "class": class_,
        "module": module,
        "message": message,
        "tb": [],
        "args": [message],
        "kwargs": kwargs,
    }


def no_such_method(method: str) -> dict[str, Any]:
    """Describe the failure that clients know as ``NoSuchMethod``."""
    return _failure("NoSuchMethod", _DISPATCHER, f"Endpoint does not support RPC method {method}")


def unsupported_version(version: str, method: str) -> dict[str, Any]:
    """Describe the failure that clients know as ``UnsupportedVersion``."""
    sentence = f"Endpoint does not support RPC version {version}. Attempted method: {method}"
    return _failure("UnsupportedVersion", _DISPATCHER, sentence)


def describe(error: errors.IpamError) -> dict[str, Any]:
    """Describe an error of ours, as a class that clients can import; never a traceback."""
    known = next(cls for cls in type(error).__mro__ if cls.__module__ == _ERRORS)
    return _failure(known.__name__, _ERRORS, error.message, **error.kwargs)


def rebuild(failure: str) -> errors.IpamError:
    """Turn the ``failure`` of an answer into an error of ours."""
    try:
        data = fast_json.loads(failure)
        name, message = str(data["class"]), str(data.get("message", ""))
        if data["module"] == _ERRORS:
            cls = getattr(errors, name)
            if issubclass(cls, errors.IpamError):
                rebuilt: errors.IpamError = cls(*data["args"], **data["kwargs"])
                return rebuilt
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return errors.IpamError()
    if name == "NoSuchMethod":
        return errors.UnknownMethod(message)
    if name in ("UnsupportedVersion", "UnsupportedRpcEnvelopeVersion"):
        return errors.BadRequest(message)
    return errors.IpamError()


def wrap(message: Mapping[str, Any]) -> bytes:
    """Encode a message in its envelope.

    Raises: TypeError or ValueError when it is not JSON.
    """
    return wrap_text(fast_json.dumps(message))


def wrap_text(message: str) -> bytes:
    """Encode a message that is JSON already in its envelope."""
    return fast_json.dump_bytes({_VERSION_KEY: _ENVELOPE_VERSION, _MESSAGE_KEY: message})


def answer(to: ReplyTo, result: Any = None, failure: Mapping[str, Any] | None = None) -> bytes:
    """Encode the one and last answer to a call.

    Raises: TypeError or ValueError when ``result`` is not JSON.
    """
    return _reply(to, result, None if failure is None else fast_json.dumps(failure), ending=True)


def still_working(to: ReplyTo) -> bytes:
    """Encode the sign of life that ``call_monitor_timeout`` waits for."""
    return _reply(to, None, None, ending=False)


def _reply(to: ReplyTo, result: Any, failure: str | None, *, ending: bool) -> bytes:
    return wrap(
        {
            "result": result,
            "failure": failure,
            "ending": ending,
            "_msg_id": to.msg_id,
            "_unique_id": os.urandom(16).hex(),
        }
    )


def request(
    method: str,
    args: Mapping[str, Any],
    context: Mapping[str, Any],
    *,
    version: str,
    unique_id: str,
    reply_to: ReplyTo | None = None,
) -> bytes:
    """Encode a request: a call when ``reply_to`` is given, else a cast.

    Raises: TypeError or ValueError when an argument is not JSON.
    """
    message: dict[str, Any] = {
        "method": method,
        "args": dict(args),
        "version": version,
        "_unique_id": unique_id,
    }
    message.update((_CONTEXT + key, value) for key, value in context.items())
    if reply_to is not None:
        message.update(_msg_id=reply_to.msg_id, _reply_q=reply_to.queue, _timeout=None)
    return wrap_text(json.dumps(message))


def parse_answer(body: bytes | str) -> tuple[str, Any, str | None, bool]:
    """Read an answer: the caller's message id, result, failure, and whether it is the last.

    Raises: Malformed.
    """
    message = _unwrap(_load(body, "The body"))
    failure = message.get("failure")
    return (
        str(message.get("_msg_id")),
        message.get("result"),
        None if failure is None else str(failure),
        bool(message.get("ending")),
    )
