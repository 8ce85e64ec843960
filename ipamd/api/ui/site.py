"""What all pages share: the calls they make, whose view they are, and how they are sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeVar

from flask import Response, make_response, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from ipamd import errors
from ipamd.api import auth
from ipamd.api.backend import Backend
from ipamd.api.ui.forms import Forms

AnyResponse = TypeVar("AnyResponse", bound=BaseResponse)
PREFIX: Final = "/ui"
PAGE_SIZE: Final = 50
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class Site:
    """The RPC methods as pages call them, in the name of whoever looks."""

    backend: Backend
    forms: Forms

    def read(self, method: str, /, **arguments: Any) -> Any:
        """Call a method that changes nothing.

        Raises: IpamError
        """
        return self.backend.read(method, None, **arguments)

    def do(self, method: str, /, **arguments: Any) -> Any:
        """Do what a form asks for, once however often it is sent.

        Raises: IpamError, Forbidden for a form of somebody else's making
        """
        key = self.forms.key(request, self.caller)
        return self.backend.read(method, None, **arguments, idempotency_key=key)

    def one(self, kind: str, resource_id: str, missing: type[errors.NotFound]) -> dict[str, Any]:
        """Look one resource up by its id.

        Raises: ``missing``
        """
        filters = {"id": f"eq:{resource_id}"}
        found = self.read("query_resources", kind=kind, filters=filters, limit=1, **self.mine)
        if not found[kind]:
            raise missing()
        only: dict[str, Any] = found[kind][0]
        return only

    def may(self, operation: str) -> bool:
        """Tell whether the caller may do something, so that only that is offered."""
        return auth.door_now().allows(auth.caller(), rule_of(operation), None)

    @property
    def tenant(self) -> str | None:
        """The tenant whose resources are shown; None: all tenants'."""
        caller = auth.caller()
        # "" is nobody's: who reaches one tenant's and has none sees nothing.
        return None if caller.reaches_all else caller.tenant or ""

    @property
    def mine(self) -> dict[str, str]:
        """The argument of list methods that keeps them to the tenant's resources."""
        return {} if self.tenant is None else {"tenant_id": self.tenant}

    @property
    def caller(self) -> str:
        """Who looks, as forms are signed for; empty where nobody signs in."""
        caller = auth.caller()
        return "" if caller.user is None else f"{caller.user} {caller.tenant or ''}"

    def viewer(self) -> dict[str, str] | None:
        """Tell who looks, for the head of every page; None where nobody signed in."""
        try:
            caller = auth.caller()
        except errors.IpamError:
            return None
        if caller.user is None:
            return None
        # Keystone's ids say nothing to people; auth_token knows the names as well.
        told = request.environ
        return {
            "name": told.get("HTTP_X_USER_NAME") or caller.user,
            "tenant": told.get("HTTP_X_PROJECT_NAME") or caller.tenant or "",
            "token": self.token(f"{PREFIX}/sign-out"),
        }

    def token(self, path: str) -> str:
        """Make the token of a form that leads to ``path``."""
        return self.forms.token(self.caller, path)


def rule_of(operation: str) -> str:
    """Return the name of the rule that lets somebody do something on these pages."""
    return f"ui:{operation}"


def page(template: str, status: int = 200, **values: Any) -> Response:
    """Send a page."""
    return secure(make_response(render_template(f"ui/{template}", **values), status))


def secure(response: AnyResponse) -> AnyResponse:
    """Let browsers load nothing but what ipamd itself serves, and keep no copy of pages."""
    response.headers.update(HEADERS)
    if not request.path.startswith(f"{PREFIX}/static/"):
        response.headers["Cache-Control"] = "no-store"
    return response


def marker() -> dict[str, str]:
    """Return the RPC argument that says which page of a list is wanted."""
    found = request.args.get("marker")
    return {"marker": found} if found else {}
