"""What a caller of the provider's own dialect is passed, over a real socket; the contract suite holds the rest."""

import pytest

from tests.providers.calls import ask, call, provider
from tests.upstream import FakeUpstream
from tollbar.clock import SystemClock
from tollbar.domain.catalogue import Timeouts
from tollbar.domain.errors import UpstreamFailed
from tollbar.domain.events import Frames
from tollbar.providers.transport import Transport

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_is_frames_and_the_last_of_them_says_so(stream: bool) -> None:
    """Nothing but the provider's own bytes, and an end."""
    async with FakeUpstream() as up, Transport(SystemClock()) as transport:
        events = await ask(provider(up, transport), call("ok", stream, Timeouts()))
    frames = [event for event in events if isinstance(event, Frames)]
    assert frames == events
    assert [frame.is_last for frame in frames].index(True) == len(frames) - 1


async def test_a_plain_answer_that_is_broken_fails_while_it_is_entered() -> None:
    """So that another attempt may be made."""
    async with FakeUpstream() as up, Transport(SystemClock()) as transport:
        with pytest.raises(UpstreamFailed):
            async with provider(up, transport).open(call("garbled", False, Timeouts())):
                pytest.fail("it was entered")
