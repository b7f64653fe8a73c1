"""Azure's older addresses, with the deployment and a version in them."""

import re

import pytest

from tests.providers.calls import SECRET, ask, call
from tests.upstream import FakeUpstream
from tollbar.clock import SystemClock
from tollbar.domain.errors import InvalidValue
from tollbar.providers import connect
from tollbar.providers.transport import Transport
from tollbar.providers.vendors import VendorFaults, configure, load

pytestmark = pytest.mark.anyio

ENVIRONMENT = {"AZURE_OPENAI_API_KEY": SECRET, "OPENAI_API_VERSION": "2024-10-21"}


async def test_a_deployment_is_called_at_its_own_address() -> None:
    """With the version behind it and the key in Azure's header; a name that leads elsewhere is refused."""
    async with FakeUpstream() as up, Transport(SystemClock()) as transport:
        environment = {**ENVIRONMENT, "AZURE_OPENAI_ENDPOINT": up.root}
        provider = connect(configure("az", load()["azure-deployments"], environment), transport, SystemClock())
        assert await provider.models() == ()
        await ask(provider, call("ok"))
        sent = up.journal[-1]
        for name in ("../ok", "ok?x=y", ""):
            with pytest.raises(InvalidValue):
                provider.open(call(name))
    assert sent.path == "/openai/deployments/ok/chat/completions?api-version=2024-10-21"
    assert (sent.headers["api-key"], sent.json["model"]) == (SECRET, "ok")


@pytest.mark.parametrize(("version", "word"), [("", "set OPENAI_API_VERSION or"), ("x&y", "no part of an address")])
def test_the_version_has_to_be_set(version: str, word: str) -> None:
    """To something that may stand there."""
    environment = {**ENVIRONMENT, "OPENAI_API_VERSION": version, "AZURE_OPENAI_ENDPOINT": "x.openai.azure.com"}
    with pytest.raises(VendorFaults, match=re.escape(word)):
        configure("az", load()["azure-deployments"], environment)
