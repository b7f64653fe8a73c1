"""What every implementation of the `Provider` port promises, against an upstream that misbehaves, wire by wire."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import reduce

import pytest

from tests.providers.calls import (
    QUICK,
    anthropic,
    anthropic_relayed,
    ask,
    call,
    gemini_array,
    gemini_relayed,
    going_on,
    joined,
    ollama_to_ollama,
    provider,
    responding,
    responding_to_others,
    speaking_bedrock,
    speaking_gemini,
    speaking_ollama,
    translating,
)
from tests.upstream import FakeUpstream
from tollbar.clock import SystemClock
from tollbar.domain.catalogue import Timeouts
from tollbar.domain.errors import (
    StreamBroken,
    UpstreamBusy,
    UpstreamError,
    UpstreamFailed,
    UpstreamMisconfigured,
    UpstreamRejected,
    UpstreamTimeout,
)
from tollbar.domain.events import Frames, StreamEvent, UsageSeen, is_content
from tollbar.domain.usage import Usage, merge
from tollbar.ports.providers import Provider
from tollbar.providers.transport import Transport

pytestmark = pytest.mark.anyio

WIRES: dict[str, Callable[[FakeUpstream, Transport], Provider]] = {
    "openai": provider,
    "openai, translated": translating,
    "ollama": ollama_to_ollama,
    "ollama, translated": speaking_ollama,
    "anthropic": anthropic_relayed,
    "anthropic, translated": anthropic,
    "gemini": gemini_relayed,
    "gemini, as an array": gemini_array,
    "gemini, translated": speaking_gemini,
    "responses": responding,
    "responses, translated": responding_to_others,
    "completions": going_on,
    "bedrock": speaking_bedrock,
}
IMPATIENT = Timeouts(first_byte_stream=0.1, first_byte_plain=0.1, between_bytes=0.1)
GOOD = (
    *("ok", "chunks:64", "paced:3", "slices:1", "slices:7", "comments", "tools", "two-tools", "logprobs", "two"),
    *("unknown", "surrogates", "reasoning", "thoughts", "no-done", "always-usage", "empty"),
    *("slow-headers:10", "slow-body:10", "slow-middle:10"),
)


@dataclass(frozen=True, slots=True)
class Bench:
    """A provider and what stands behind it."""

    provider: Provider
    up: FakeUpstream


@pytest.fixture(params=sorted(WIRES))
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """One wire after the other, over real sockets."""
    async with FakeUpstream() as up, Transport(SystemClock()) as transport:
        yield Bench(WIRES[request.param](up, transport), up)


async def failure(bench: Bench, script: str, stream: bool) -> tuple[UpstreamError, int]:
    """The error of a call, and how many events came before it.

    Time-outs are short where one is waited for, and nowhere else: a busy machine must not be taken for a slow provider.
    """
    timeouts = IMPATIENT if script.startswith("stall") else Timeouts()
    events = 0
    try:
        async with bench.provider.open(call(script, stream, timeouts)) as answer:
            async for _ in answer:
                events += 1
    except UpstreamError as fault:
        return fault, events
    pytest.fail(f"{script} was taken for a good answer")


def reports(events: list[StreamEvent]) -> list[Usage]:
    """What events report of usage; there must be something."""
    found = [event.usage for event in events if isinstance(event, Frames | UsageSeen) and event.usage]
    assert found
    return found


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("script", GOOD)
async def test_good_answers_come_to_their_end(bench: Bench, script: str, stream: bool) -> None:
    """However it is cut, paced or decorated, a complete answer is an iteration that ends by itself, with its usage."""
    events = await ask(bench.provider, call(script, stream, Timeouts()))
    assert reduce(merge, reports(events)).prompt_tokens == 10
    assert any(map(is_content, events)) or script == "empty"


@pytest.mark.parametrize("script", ["slices:1", "slices:5", "paced:5", "ok"])
async def test_what_is_relayed_does_not_depend_on_how_it_arrived(bench: Bench, script: str) -> None:
    """The bytes of a stream are those of the provider, in order, none missing and none twice."""
    wanted = {"stream_options": {"include_usage": True}}
    whole = joined(await ask(bench.provider, call("ok", True, Timeouts(), **wanted)))
    assert joined(await ask(bench.provider, call(script, True, Timeouts(), **wanted))) == whole


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("script", "kind", "may_retry"),
    [
        ("error-400", UpstreamRejected, False),
        ("error-401", UpstreamMisconfigured, False),
        ("error-403", UpstreamMisconfigured, False),
        ("error-404", UpstreamRejected, False),
        ("error-422", UpstreamRejected, False),
        ("rate-limited:2", UpstreamBusy, True),
        ("no-quota", UpstreamMisconfigured, False),
        ("context", UpstreamRejected, False),
        ("error-500", UpstreamFailed, True),
        ("error-503", UpstreamBusy, True),
        ("error-504", UpstreamTimeout, True),
        ("html", UpstreamFailed, True),
        ("redirect", UpstreamFailed, False),
        ("close", UpstreamFailed, True),
        ("close-mid-headers", UpstreamFailed, True),
        ("stall", UpstreamTimeout, True),
    ],
)
async def test_a_refusal_is_an_error_before_the_first_event(
    bench: Bench, script: str, stream: bool, kind: type[UpstreamError], may_retry: bool
) -> None:
    """What keeps an answer from beginning is raised on entering, says whether a retry may help, and is tried once."""
    fault, events = await failure(bench, script, stream)
    assert (type(fault), fault.is_retryable, events) == (kind, may_retry, 0)
    await bench.up.until(lambda: bench.up.journal)
    assert len(bench.up.journal) == 1


@pytest.mark.parametrize(
    "script", ["cut", "cut-mid-frame", "cut-clean", "no-finish", "reset", "garbled", "error-frame"]
)
async def test_a_broken_stream_is_never_complete(bench: Bench, script: str) -> None:
    """A cut, a garbled frame and an error inside the stream end in an error, never in a normal end."""
    fault, _ = await failure(bench, script, stream=True)
    assert isinstance(fault, StreamBroken)


@pytest.mark.parametrize(
    "script", ["cut", "cut-clean", "reset", "garbled", "text", "error-frame", "short-length", "long-length"]
)
async def test_a_broken_document_may_be_asked_for_again(bench: Bench, script: str) -> None:
    """A document that is not whole, or is none, has reached nobody yet."""
    fault, events = await failure(bench, script, stream=False)
    assert (type(fault), fault.is_retryable, events) == (UpstreamFailed, True, 0)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_provider_that_falls_silent_is_timed_out(bench: Bench, stream: bool) -> None:
    """Silence in the middle is a time-out of its own."""
    fault, _ = await failure(bench, "stall-middle", stream)
    assert isinstance(fault, UpstreamTimeout)


async def test_a_frame_without_end_is_given_up(bench: Bench) -> None:
    """One frame cannot fill the memory."""
    fault, _ = await failure(bench, "huge:20", stream=True)
    assert isinstance(fault, StreamBroken)


async def test_a_broken_answer_does_not_spoil_the_next(bench: Bench) -> None:
    """Whatever went wrong on a connection, the next call gets its own answer."""
    quick = replace(QUICK, between_bytes=0.05)
    for script in ("short-length", "long-length", "cut", "garbled", "error-500", "html", "stall-middle"):
        for stream in (True, False):
            with suppress(UpstreamError):
                await ask(bench.provider, call(script, stream, quick))
            assert b"word4" in joined(await ask(bench.provider, call("ok", stream, Timeouts())))


async def test_leaving_hangs_up(bench: Bench) -> None:
    """A context that is left early closes the connection."""
    async with bench.provider.open(call("stall-middle", True, Timeouts())) as events:
        await anext(events)
    await bench.up.until(lambda: bench.up.journal[0].closed_early_at is not None)


@pytest.mark.parametrize("script", ["stall", "stall-headers", "stall-middle"])
@pytest.mark.parametrize("stream", [True, False])
async def test_cancelling_hangs_up(bench: Bench, script: str, stream: bool) -> None:
    """A task that ends while it waits for the provider closes the connection."""
    task = asyncio.create_task(ask(bench.provider, call(script, stream, Timeouts())))
    await bench.up.until(lambda: bench.up.journal)
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await bench.up.until(lambda: bench.up.journal[0].closed_early_at is not None)


async def test_calls_at_once_do_not_mix(bench: Bench) -> None:
    """Sixty calls at once, plain and streamed, each get their own answer."""

    async def size(words: int) -> int:
        events = await ask(bench.provider, call(f"chunks:{words}", words % 2 == 0, Timeouts()))
        return joined(events).count(b"word")

    assert await asyncio.gather(*map(size, range(60))) == list(range(60))


async def test_another_task_may_read_on(bench: Bench) -> None:
    """The events may be awaited by one task after the other: a heartbeat needs that."""
    async with bench.provider.open(call("paced:4", True, Timeouts())) as events:
        count = 0
        while await asyncio.create_task(_next(events)) is not None:
            count += 1
    assert count > 1


async def _next(events: AsyncIterator[object]) -> object | None:
    return await anext(events, None)


async def test_the_deadline_of_the_call_holds(bench: Bench) -> None:
    """A provider stops when the time of the call is up."""
    with pytest.raises(UpstreamTimeout):
        await ask(bench.provider, call("stall", True, Timeouts(), seconds=0.1))


async def test_an_answer_is_read_once(bench: Bench) -> None:
    """After the last event there is nothing, however often one asks."""
    async with bench.provider.open(call("ok", timeouts=Timeouts())) as events:
        assert [event async for event in events] != []
        assert [await anext(events, None) for _ in range(2)] == [None, None]


async def test_usage_is_seen_even_when_it_is_not_asked_for(bench: Bench) -> None:
    """The meter gets its report from a stream whose caller did not ask."""
    events = await ask(bench.provider, call("ok", True, Timeouts()))
    assert reduce(merge, reports(events)) == Usage(10, 5)


async def test_the_models_are_told(bench: Bench) -> None:
    """The names that the upstream says it serves."""
    assert list(await bench.provider.models()) == ["fake-1", "fake-2"]
