"""Where the service is and who asks: from options, the environment, or ``clouds.yaml``.

Every way ends in a plugin of keystoneauth, so a cloud may use whatever it has plugins
for: Keystone in all its forms, ``http_basic``, ``none``.
"""

from __future__ import annotations

import argparse
import os
from typing import Any, Final

from keystoneauth1 import exceptions, http_basic, noauth, token_endpoint
from keystoneauth1.adapter import Adapter
from keystoneauth1.session import Session

from ipamd import __version__
from ipamd.ctl.exit_status import ExitStatus, Failure

SERVICE_TYPE: Final = "ipam"
DEFAULT_ENDPOINT: Final = "http://127.0.0.1:9898"
API_VERSION: Final = "2.3"
_PREFIX: Final = "/v2"
# In their presence the environment describes a cloud, as other OpenStack clients have it.
_CLOUD_VARIABLES: Final = ("OS_CLOUD", "OS_AUTH_URL", "OS_AUTH_TYPE")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where the service is and who asks."""
    group = parser.add_argument_group("connection")
    group.add_argument(
        "--endpoint",
        metavar="URL",
        default=os.environ.get("IPAMD_ENDPOINT"),
        help=f"Where the service is; default {DEFAULT_ENDPOINT}, or what the cloud's catalogue "
        "says. [IPAMD_ENDPOINT]",
    )
    group.add_argument(
        "--username",
        metavar="NAME",
        default=os.environ.get("IPAMD_USERNAME"),
        help="User for HTTP basic authentication. [IPAMD_USERNAME]",
    )
    group.add_argument(
        "--password",
        metavar="TEXT",
        default=os.environ.get("IPAMD_PASSWORD"),
        help="The user's password; better kept in the environment. [IPAMD_PASSWORD]",
    )
    group.add_argument(
        "--token",
        metavar="TOKEN",
        default=os.environ.get("IPAMD_TOKEN"),
        help="A Keystone token. [IPAMD_TOKEN]",
    )
    group.add_argument(
        "--os-cloud",
        metavar="NAME",
        default=os.environ.get("IPAMD_CLOUD"),
        help="A cloud of clouds.yaml. Without it, and without an endpoint, what OS_CLOUD, "
        "OS_AUTH_URL or OS_AUTH_TYPE describe. [IPAMD_CLOUD]",
    )
    group.add_argument(
        "--cacert",
        metavar="FILE",
        default=os.environ.get("IPAMD_CACERT"),
        help="Certificates to check the server's with. [IPAMD_CACERT]",
    )
    group.add_argument(
        "--insecure",
        action="store_true",
        help="Do not check the server's certificate.",
    )
    group.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=float,
        default=os.environ.get("IPAMD_TIMEOUT", "60"),
        help="How long to wait for an answer; default 60. [IPAMD_TIMEOUT]",
    )
    group.add_argument(
        "--api-version",
        metavar="2.N",
        default=os.environ.get("IPAMD_API_VERSION", API_VERSION),
        help=f"Microversion to ask for; default {API_VERSION}. [IPAMD_API_VERSION]",
    )


def connect(options: argparse.Namespace) -> Adapter:
    """Return what sends requests to the service, in the name of whoever asks.

    Raises: Failure
    """
    try:
        if _names_cloud(options):
            return _by_cloud(options)
        return _by_options(options)
    except exceptions.ClientException as error:
        raise Failure(f"Cannot connect: {sentence(error)}", ExitStatus.NOT_ALLOWED) from error


def _names_cloud(options: argparse.Namespace) -> bool:
    if options.os_cloud:
        return True
    own = options.endpoint or options.username or options.token
    return not own and any(os.environ.get(name) for name in _CLOUD_VARIABLES)


def _by_options(options: argparse.Namespace) -> Adapter:
    endpoint = options.endpoint or DEFAULT_ENDPOINT
    if options.token:
        auth: Any = token_endpoint.Token(endpoint, options.token)
    elif options.username:
        if options.password is None:
            raise Failure("--username needs --password or IPAMD_PASSWORD", ExitStatus.USAGE)
        auth = http_basic.HTTPBasicAuth(endpoint, options.username, options.password)
    else:
        auth = noauth.NoAuth(endpoint)
    verify: bool | str = not options.insecure and (options.cacert or True)
    session = Session(auth=auth, verify=verify, app_name="ipamctl", app_version=__version__)
    return _adapter(session, endpoint, options)


def _by_cloud(options: argparse.Namespace) -> Adapter:
    # It takes a third of a second to import; only who names a cloud pays for it.
    from openstack import config
    from openstack import exceptions as sdk

    try:
        given = {"cacert": options.cacert} if options.cacert else {}
        if options.insecure:
            given["verify"] = False
        loader = config.OpenStackConfig(app_name="ipamctl", app_version=__version__)
        cloud = loader.get_one(cloud=options.os_cloud, **given)
        session = cloud.get_session()
    except (sdk.SDKException, exceptions.ClientException) as error:
        raise Failure(f"The cloud cannot be used: {sentence(error)}", ExitStatus.USAGE) from error
    endpoint = options.endpoint or cloud.get_endpoint(SERVICE_TYPE)
    endpoint = endpoint or session.get_endpoint(
        service_type=SERVICE_TYPE,
        interface=cloud.get_interface(SERVICE_TYPE),
        region_name=cloud.get_region_name(SERVICE_TYPE),
    )
    if not endpoint:
        raise Failure(
            f"The cloud has no service of the type {SERVICE_TYPE}: name it with --endpoint",
            ExitStatus.USAGE,
        )
    return _adapter(session, endpoint, options)


def _adapter(session: Session, endpoint: str, options: argparse.Namespace) -> Adapter:
    base = endpoint.rstrip("/").removesuffix(_PREFIX)
    if not base.startswith(("http://", "https://")):
        raise Failure(f"{endpoint} is no URL of a service", ExitStatus.USAGE)
    session.timeout = float(options.timeout)
    return Adapter(
        session,
        service_type=SERVICE_TYPE,
        endpoint_override=base + _PREFIX,
        default_microversion=options.api_version,
    )


def sentence(error: BaseException) -> str:
    """Return an exception's text as one line."""
    return " ".join(str(error).split()) or type(error).__name__
