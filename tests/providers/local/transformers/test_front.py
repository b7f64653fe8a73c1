"""The front, before a server that answers as `transformers serve` does."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.providers.local.transformers.making import chunk
from tollbar.providers.local.transformers.front import Front, Message, Receive, Scope, Send
from tollbar.providers.local.transformers.generation import Desk

pytestmark = pytest.mark.anyio

USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
ANSWER = (chunk({"role": "assistant"}), chunk({"content": "Hi"}), chunk({}, "stop", USAGE))


class Scene:
    """A front with a server of so many pieces behind it, and what it sent."""

    def __init__(self, *pieces: bytes, status: int = 200, raises: Exception | None = None, refusal: str = "") -> None:
        self.desk = Desk(64, lambda _: None)
        self.seen: list[Any] = []
        self.sent: list[Message] = []
        self.came, self.gate = asyncio.Event(), asyncio.Event()
        self.gate.set()
        self._told = (pieces or ANSWER, status, raises, refusal)
        self.front = Front(self._serve, self.desk, name="tiny", path="/m", key="k", faults=(ValueError,))

    async def ask(self, path: str = "/v1/chat/completions", key: str = "k", leaves: bool = False, **fields: Any) -> Any:
        """One request; returns the status with the document, or with the text of a stream."""
        raw = json.dumps({"messages": [{"role": "user", "content": "x"}], **fields}).encode()
        parts = [
            {"type": "http.request", "body": part, "more_body": more} for part, more in ((raw[:9], 1), (raw[9:], 0))
        ]
        sent: list[Message] = []

        async def receive() -> Message:
            if parts:
                return parts.pop(0)
            return {"type": "http.disconnect"} if leaves else await asyncio.Future()

        async def send(message: Message) -> None:
            sent.append(message)

        method = "GET" if path == "/v1/models" else "POST"
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": [(b"authorization", f"Bearer {key}".encode())],
        }
        await self.front(scope, receive, send)
        self.sent = sent
        body = b"".join(message.get("body", b"") for message in sent)
        if not sent:
            return None
        return sent[0]["status"], body.decode() if fields.get("stream") and body[:1] != b"{" else json.loads(body)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        pieces, status, raises, refusal = self._told
        self.seen.append(json.loads((await receive())["body"]))
        self.came.set()
        await self.gate.wait()
        self.desk.wanted.refusal = refusal
        if raises is not None:
            await send({"type": "http.response.start", "status": 500, "headers": []})
            await send({"type": "http.response.body", "body": b"Internal Server Error"})
            raise raises
        await send({"type": "http.response.start", "status": status, "headers": []})
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def test_only_our_key_opens_it_and_only_chats_are_let_through() -> None:
    """The server's own addresses load and unload models: nobody comes to them."""
    scene = Scene()
    assert (await scene.ask(key="another"))[0] == 401
    for path in ("/load_model", "/reset", "/v1/responses", "/health"):
        assert (await scene.ask(path))[0] == 404
    assert scene.seen == []
    status, listed = await scene.ask("/v1/models")
    assert (status, [model["id"] for model in listed["data"]]) == (200, ["tiny"])


async def test_a_plain_answer_and_a_stream() -> None:
    """Both are asked for as a stream; each caller has the form that it wants."""
    scene = Scene()
    status, document = await scene.ask()
    assert (status, document["choices"][0]["message"]["content"], document["usage"]) == (200, "Hi", USAGE)
    status, text = await scene.ask(stream=True)
    assert (status, text.count("data: "), text.endswith("data: [DONE]\n\n")) == (200, 4, True)
    assert all(asked["stream"] is True and asked["model"] == "/m" for asked in scene.seen)


async def test_an_answer_without_a_word_is_one() -> None:
    """The model ended at once: the stream is whole all the same."""
    status, text = await Scene(ANSWER[0] + ANSWER[2]).ask(stream=True)
    assert (status, text.count("data: "), text.endswith("data: [DONE]\n\n")) == (200, 3, True)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("scene", "status", "words"),
    [
        ({"refusal": "too long"}, 400, "too long"),
        ({}, 500, "The model failed: boom"),
        ({"status": 422}, 400, "refuses the request"),
        ({"raises": ValueError("roles must alternate")}, 400, "roles must alternate"),
    ],
)
async def test_a_fault_before_the_first_word_has_a_status(
    stream: bool, scene: dict[str, Any], status: int, words: str
) -> None:
    """The caller's faults are told as such, in OpenAI's shape."""
    made = Scene(chunk({"role": "assistant"}), b'data: {"error": "boom"}\n\n', **scene)
    found, document = await made.ask(stream=stream)
    assert (found, words in document["error"]["message"]) == (status, True)


@pytest.mark.parametrize("last", [(), (b'data: {"error": "boom"}\n\n',)])
async def test_a_fault_in_mid_stream_is_no_end(last: Sequence[bytes]) -> None:
    """An answer that breaks off has no end mark, and says so."""
    _, text = await Scene(*ANSWER[:2], *last).ask(stream=True)
    assert "[DONE]" not in text
    assert '{"error"' in text


async def test_what_it_cannot_do_never_reaches_the_server() -> None:
    """It is refused with its field."""
    scene = Scene()
    status, document = await scene.ask(n=2)
    assert (status, document["error"]["param"], scene.seen) == (400, "n", [])


async def test_a_caller_who_leaves_ends_the_work_and_the_next_waits_for_that() -> None:
    """One answer is made at a time, in the order of the calls."""
    scene = Scene()
    scene.gate.clear()
    first = asyncio.create_task(scene.ask(leaves=True))
    await scene.came.wait()
    wanted = scene.desk.wanted
    second = asyncio.create_task(scene.ask(seed=5))
    assert await asyncio.to_thread(wanted.is_over.wait, 10)
    assert (len(scene.seen), second.done()) == (1, False)
    scene.gate.set()
    assert await first is None
    assert (await second)[0] == 200
    assert (scene.desk.wanted is wanted, scene.desk.wanted.seed) == (False, 5)
