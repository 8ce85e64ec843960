"""Lists an instance's virtual interfaces with python-novaclient; run by its own Python.

Arguments: endpoint, API version, server id.  Writes a JSON object: the interfaces as the
client read them, or the status of the error that it raised.
"""

from __future__ import annotations

import json
import sys
from typing import Any

# Installed in an environment of its own, see test_novaclient.py.
from keystoneauth1 import session, token_endpoint
from novaclient import api_versions, client, exceptions  # type: ignore[import-not-found]


def listed(endpoint: str, version: str, server_id: str) -> dict[str, Any]:
    """List the interfaces of a server."""
    auth = token_endpoint.Token(endpoint, "a-token")
    discover = version == "2.latest"
    nova = client.Client("2.1" if discover else version, session=session.Session(auth=auth))
    if discover:
        nova.api_version = api_versions.discover_version(nova, api_versions.APIVersion(version))
    try:
        found = nova.virtual_interfaces.list(server_id)
    except exceptions.ClientException as error:
        return {"error": error.code, "message": error.message}
    return {
        "version": nova.api_version.get_string(),
        "virtual_interfaces": [vif.to_dict() for vif in found],
    }


if __name__ == "__main__":
    json.dump(listed(*sys.argv[1:]), sys.stdout)
