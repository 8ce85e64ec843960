"""Who may do what: the rules, and what each route answers to whom."""

from __future__ import annotations

from collections.abc import Iterator

from ipamd.api import rules
from ipamd.api.route_rules import CALLERS, guarded
from reference_pages.markdown import NOTE, page, table

_TITLES = {
    "v2": "/v2",
    "melange": "Melange",
    "quantum": "Quantum",
    "compute": "Nova's virtual interfaces",
    "ui": "The pages below /ui",
    "open": "Everybody's",
}


def access() -> str:
    """List the rules and the routes that they guard."""
    parts = [
        "# Who may do what",
        NOTE,
        (
            "Each route has a rule of [oslo.policy](https://docs.openstack.org/oslo.policy/), "
            "`<mount>:<operation>`.  What they are by default stands here; "
            "`etc/ipamd/policy.yaml.sample` has them all, to be changed in "
            "`/etc/ipamd/policy.yaml`.  With `[api] auth_strategy = noauth` nobody is asked, and "
            "everybody is an admin."
        ),
        (
            "*another tenant* is a member of a tenant that does not own the resource in question "
            "and leases nothing of it.  *reader*, *member* and *admin* are roles; the first two "
            "are of the tenant that owns it.  *empty* is success in which there is nothing of "
            "it.  The test `tests/api/test_route_walk.py` asks every route in everybody's name "
            "and compares the answers with this page."
        ),
        "## Rules that others are made of",
        table(
            ("rule", "default", "meaning"),
            [(f"`{rule.name}`", f"`{rule.check}`", rule.about) for rule in rules.BASE],
        ),
        *_routes(),
    ]
    return page(parts)


def _routes() -> Iterator[str]:
    checks = {rule.name: rule.check for rule in rules.RULES}
    every = list(guarded())
    for mount, title in _TITLES.items():
        mine = [route for route in every if (route.rule or "open:").partition(":")[0] == mount]
        yield f"## {title}"
        yield table(
            ("route", "rule", "default", *CALLERS),
            [
                (
                    f"{route.verb} `{route.path}`",
                    f"`{route.rule}`" if route.rule else "",
                    f"`{checks[route.rule].removeprefix('rule:')}`" if route.rule else "",
                    *route.answers(),
                )
                for route in mine
            ],
        )
    missing = {route.rule.partition(":")[0] for route in every if route.rule} - set(_TITLES)
    if missing:
        raise LookupError(f"mounts without a title: {', '.join(sorted(missing))}")
