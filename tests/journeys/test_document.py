"""Every operation of the document, called with data made from it: what comes back is what the document says."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address
from itertools import count
from typing import Any

import pytest
import schemathesis
from hypothesis import assume, settings
from schemathesis import AuthContext, Case
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    negative_data_rejection,
    positive_data_acceptance,
)

from tests.journeys.stand import ADMIN_KEY, LAB_KEY, Gateway, started
from tests.upstream import FakeUpstream
from tollbar.edge import routes
from tollbar.edge.openapi import document

ADMIN_SECRET = "the admin secret of the document"
STATIC_KEY = "the-static-key-of-the-document"
VARIABLES = {
    "TOLLBAR_ADMIN_KEY": ADMIN_KEY,
    "LAB_KEY": LAB_KEY,
    "ADMIN_SECRET": ADMIN_SECRET,
    "x_api_key": STATIC_KEY,
    "TOLLBAR_SELF_SERVICE": "true",
}
FIRST_ADDRESS = 0x0B000000
MORE = """\
models: {cloud: lab/ok, home: 'lab/chunks:3'}
default_model: cloud
default_local_model: home
self_service: {models: [cloud], credits: 100, renew: true}
server: {trusted_proxies: [127.0.0.1]}
limits:
  per_address: 1000000/minute
  routes:
    "/generate": {rates: 1000000/minute}
    "/local/generate": {rates: 1000000/minute}
    "/health": {rates: 1000000/minute}
"""
ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}
OPENS = {
    "public": {},
    "key": {"authorization": f"Bearer {STATIC_KEY}"},
    "counted": {"authorization": f"Bearer {STATIC_KEY}"},
    "admin": ADMIN,
    "machine": ADMIN,
    "secret": {"admin-secret": ADMIN_SECRET},
}
"""What opens each class of access. Requests are made before there is a gateway, so no key of them is made by it."""

SCHEMA = schemathesis.openapi.from_dict(document("1.2.3"))
SCHEMA = SCHEMA.exclude(path="/v1/me/usage/stream")  # which has no end: `test_end_users.py` listens to it
SCHEMA.config.generation.update(with_security_parameters=False)  # two keys that differ are 401
DIALECTS = tuple(routes.public_path(row.path) for row in routes.CALLS if not row.is_simple)
BEYOND_THE_DOCUMENT = {
    # What Tollbar does not need of a call goes to the provider as it came, which judges it.
    negative_data_rejection: DIALECTS,
    # No schema tells which models there are and what they can carry, which tiers, characters, spans and time zones are
    # good, what belongs together (a reset and an amount), and which keys tell their end users apart.
    positive_data_acceptance: (
        *DIALECTS,
        "/generate/{model_name}",
        "/admin/api/keys",
        "/admin/api/teams",
        "/admin/api/end-users",
        "/admin/api/alerts",
        "/v1/me/usage",
    ),
    # A model's name may be anything: GET answers there as well, for the model that is called so.
    allow_header_conformance: ("/v1beta/models/{model}:", "/v1/models/{model}:"),
}
"""What is not checked of addresses that begin so, and why."""
BEYOND_READING = re.compile(r"\d{21}")
"""A whole number that no reader of ours takes, wherever it stands; `wire/body.py` has the reason."""
_numbers = count()


@SCHEMA.auth()
class Opening:
    """Puts the right key on a request; who checks what happens without one takes it off again."""

    def get(self, case: Case, context: AuthContext) -> dict[str, str]:
        """The headers with the key."""
        return OPENS[case.operation.definition.raw["x-access"]]

    def set(self, case: Case, data: dict[str, str], context: AuthContext) -> None:
        """Adds them."""
        case.headers.update(data)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """A gateway where every address is switched on, and no limit is in the way."""
    with started(tmp_path_factory.mktemp("document"), up, MORE, VARIABLES) as gateway:
        gateway.secrets.add(STATIC_KEY)
        yield gateway


@pytest.mark.slow
@pytest.mark.timeout(300)
@SCHEMA.parametrize()
@settings(max_examples=25, deadline=None)
def test_every_operation_does_as_it_says(case: Case, gateway: Gateway) -> None:
    """Statuses, types, headers and schemas; what is valid is accepted, what is not is refused, nothing is a crash."""
    assume(not BEYOND_READING.search(str(case.body)))
    if isinstance(case.body, dict) and "version" in case.body:
        case.headers.pop("If-Match", None)  # it says the same, and no schema can tell that the two must agree
    # An address of its own: after twenty bad keys a minute from one, it is told to wait.
    address = str(IPv4Address(FIRST_ADDRESS + next(_numbers)))
    beyond: Any = [check for check, paths in BEYOND_THE_DOCUMENT.items() if case.operation.path.startswith(paths)]
    headers = {"x-forwarded-for": address}
    case.call_and_validate(base_url=gateway.url, headers=headers, excluded_checks=beyond, timeout=30)
