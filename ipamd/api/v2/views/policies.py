"""Policies, with the ranges and octets that they exclude inside."""

from __future__ import annotations

from ipamd.api.v2.calls import Answer, Api, Resource
from ipamd.api.v2.nouns import POLICY
from ipamd.api.v2.views.common import show


def create_policy(api: Api, body: Resource) -> Answer:
    """Create a policy."""
    policy = body["policy"]
    made = api.write("create_policy", tenant_id=policy["tenant_id"], policy=policy)
    return api.made(POLICY, made["id"])


def update_policy(api: Api, policy_id: str, body: Resource) -> Answer:
    """Change a policy; ranges or octets that are given replace its own."""
    api.write("update_policy", policy=body["policy"], **_place(api, policy_id))
    return show(api, POLICY, policy_id)


def delete_policy(api: Api, policy_id: str) -> Answer:
    """Delete a policy; blocks that had it have none."""
    api.write("delete_policy", **_place(api, policy_id))
    return Answer()


def _place(api: Api, policy_id: str) -> Resource:
    owner = api.one(POLICY, policy_id)["tenant_id"]
    return {"tenant_id": owner, "policy_id": policy_id}
