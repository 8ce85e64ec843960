"""Who asks: the one place where an HTTP request becomes a ``RequestContext``.

``[api] auth_strategy = noauth``: the tenant is the one the URL names, as Melange had it
without its filters.  Other strategies take the tenant from what they authenticated.
"""

from __future__ import annotations

from werkzeug.wrappers import Request

from ipamd.context import RequestContext


def context_of(request: Request, tenant_id: str | None) -> RequestContext:
    """Build the context of an RPC; ``tenant_id`` is the URL's, None where it has none."""
    return RequestContext(
        project_id=tenant_id,
        request_id=request.environ.get("ipamd.request_id"),
        overwrite=False,
    )
