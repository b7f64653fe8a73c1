"""What journeys start from: one provider and one gateway for each module, set up as the module's CONFIG says."""

from collections.abc import Iterator

import pytest

from tests.journeys.stand import Gateway, provider, started
from tests.upstream import FakeUpstream


@pytest.fixture(scope="module")
def up() -> Iterator[FakeUpstream]:
    """The provider."""
    with provider() as up:
        yield up


@pytest.fixture(scope="module")
def gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream
) -> Iterator[Gateway]:
    """The gateway before it; a module's `CONFIG` is the rest of its tollbar.yaml."""
    more = getattr(request.module, "CONFIG", "")
    with started(tmp_path_factory.mktemp("gateway"), up, more) as gateway:
        yield gateway


@pytest.fixture
def key(gateway: Gateway) -> str:
    """A key without limits, of this test alone."""
    return gateway.make_key("somebody")


@pytest.fixture(autouse=True)
def _nothing_planned(request: pytest.FixtureRequest) -> Iterator[None]:
    """Journeys leave no answer planned for the next one."""
    yield
    if "up" in request.fixturenames:
        up: FakeUpstream = request.getfixturevalue("up")
        up.gate.clear()
        assert not up._planned
