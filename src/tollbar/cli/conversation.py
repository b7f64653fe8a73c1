"""A conversation with a model of any server that speaks OpenAI's chat completions, piece by piece.

Guarantees: what was shown of an answer is in the history, also when it was stopped or broke off; a question that got no
word in return is not. An error is never taken for an answer, whether it comes as a status or within the stream, and an
answer without its end is told to be cut off.
"""

import http.client
import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tollbar.cli.client import MOST_BYTES, Client, Reply, Trouble
from tollbar.wire.sse import Splitter, payloads

CHUNK_BYTES = 65_536
LONGEST_MESSAGE = 1_000
DONE = b"[DONE]"

Message = Mapping[str, str]


@dataclass(slots=True)
class Conversation:
    """Who is asked, and what was said."""

    client: Client
    model: str
    system: str = ""
    turns: list[Message] = field(default_factory=list)

    def ask(self, question: str) -> Generator[str, None, None]:
        """The answer, piece by piece; raises Trouble. Closing the iterator stops the answer."""
        asked: Message = {"role": "user", "content": question}
        said: list[str] = []
        try:
            for piece in self._pieces([*self._opening(), *self.turns, asked]):
                said.append(piece)
                yield piece
        finally:
            if said:
                self.turns += [asked, {"role": "assistant", "content": "".join(said)}]

    def transcript(self, as_json: bool) -> str:
        """All that was said: as the messages of a request, or as text."""
        messages = [*self._opening(), *self.turns]
        if as_json:
            return json.dumps({"model": self.model, "messages": messages}, indent=2, ensure_ascii=False) + "\n"
        return "".join(f"## {message['role']}\n\n{message['content']}\n\n" for message in messages)

    def _opening(self) -> Sequence[Message]:
        return [{"role": "system", "content": self.system}] if self.system else []

    def _pieces(self, messages: Sequence[Message]) -> Iterator[str]:
        body = json.dumps({"model": self.model, "messages": messages, "stream": True}).encode()
        with self.client.exchange("POST", "/chat/completions", body) as response:
            kind = response.getheader("content-type", "")
            if response.status == 200 and kind.startswith("text/event-stream"):
                yield from _streamed(response)
                return
            reply = Reply(response.status, {"location": response.getheader("location", "")}, response.read(MOST_BYTES))
        if reply.status != 200:
            raise trouble_of(reply)
        document = reply.json()
        if isinstance(document, dict) and "error" in document:
            raise Trouble(_told(document["error"]))
        text = _first(document, "message").get("content")
        if not isinstance(text, str):
            raise Trouble(f"{self.client.url} answered with something that is no chat completion.")
        yield text


def model_names(client: Client) -> tuple[str, ...]:
    """The names that a server lists; none when it has no list. Raises Trouble."""
    reply = client.send("GET", "/models")
    if reply.status in {404, 405}:
        return ()
    if reply.status != 200:
        raise trouble_of(reply)
    document = reply.json()
    entries = document.get("data") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        hint = "Does the address end as it should, such as in /v1?"
        raise Trouble(f"What answers at {client.url} does not speak OpenAI's API.", hint)
    names = (entry.get("id") for entry in entries if isinstance(entry, dict))
    return tuple(name for name in names if isinstance(name, str) and name)


def trouble_of(reply: Reply) -> Trouble:
    """What a refusal says, for people."""
    document = reply.json()
    told = _told(document.get("error", document)) if isinstance(document, dict) else ""
    if 300 <= reply.status < 400:
        told = f"The server sends callers to {reply.headers.get('location') or 'another address'}."
        return Trouble(told, "Name that address with --url.", reply.status)
    hint = "Give a key with TOLLBAR_KEY or --key; 'tollbar keys create --name NAME' makes one."
    told = told or f"The server answered {reply.status} {http.client.responses.get(reply.status, '')}".rstrip() + "."
    return Trouble(told, hint if reply.status == 401 else "", reply.status)


def _streamed(response: http.client.HTTPResponse) -> Iterator[str]:
    splitter = Splitter()
    is_whole = False
    while chunk := response.read1(CHUNK_BYTES):
        for data in payloads(splitter.feed(chunk)):
            if data == DONE:
                return
            text, is_last = _read(data)
            is_whole = is_whole or is_last
            if text:
                yield text
    for data in payloads(splitter.finish()):
        text, is_last = _read(data)
        is_whole = is_whole or is_last or data == DONE
        if text:
            yield text
    if not is_whole:
        raise Trouble("The answer was cut off: its end never came.")


def _read(data: bytes | None) -> tuple[str, bool]:
    """The text of an event, and whether the model has finished; raises Trouble for an error in the stream."""
    try:
        document: Any = json.loads(data) if data and data != DONE else None
    except (ValueError, RecursionError):
        raise Trouble("The server sent something in the middle of the answer that cannot be read.") from None
    if isinstance(document, dict) and document.get("error") is not None:
        raise Trouble(_told(document["error"]))
    text = _first(document, "delta").get("content")
    choices = document.get("choices") if isinstance(document, dict) else None
    is_last = isinstance(choices, list) and any(isinstance(one, dict) and one.get("finish_reason") for one in choices)
    return (text if isinstance(text, str) else ""), is_last


def _first(document: Any, part: str) -> Mapping[str, Any]:
    """The message, or the change of it, of the first choice."""
    choices = document.get("choices") if isinstance(document, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    found = first.get(part) if isinstance(first, dict) else None
    return found if isinstance(found, dict) else {}


def _told(error: Any) -> str:
    """The words of an error, whatever shape a server gives it."""
    match error:
        case {"message": str(message)} | {"detail": str(message)} | str(message) if message.strip():
            return message.strip()[:LONGEST_MESSAGE]
    return "" if error is None or error == {} else json.dumps(error)[:LONGEST_MESSAGE]
