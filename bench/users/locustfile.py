"""What Locust runs: users who do the calls of the table, with a pause between. `python3 dev.py load` starts it.

The model and the key come in LOAD_MODEL and LOAD_KEY. A streamed call has two lines: until its first piece,
and until its last.
"""

import os
import random
import time
from collections.abc import Iterator
from typing import Any

from locust import FastHttpUser, between, task

from bench.users.scenarios import CALLS, QUESTIONS, Call, fault, filled_in, is_over_limit

MODEL = os.environ["LOAD_MODEL"]


def dealt() -> Iterator[Call]:
    """The calls of the table without end, like a deck that is shuffled anew when it is through: a short run has all."""
    cards = [call for call in CALLS for _ in range(call.weight)]
    while True:
        yield from random.sample(cards, len(cards))


DECK = dealt()


class Caller(FastHttpUser):
    """Somebody with a key."""

    wait_time = between(0.5, 2.0)
    network_timeout = 120.0
    default_headers = {"Authorization": f"Bearer {os.environ['LOAD_KEY']}"}  # noqa: RUF012 - Locust reads it here

    @task
    def call(self) -> None:
        """One call of the table, each as often as its weight says."""
        call = next(DECK)
        body = filled_in(call.body, MODEL, random.choice(QUESTIONS))
        options: dict[str, Any] = {"json": body} if body else {}
        (self.stream if call.is_stream else self.ask)(call, options)

    def ask(self, call: Call, options: dict[str, Any]) -> None:
        """A call whose answer comes at once."""
        with self.client.request(
            call.method, path_of(call), name=call.name, catch_response=True, **options
        ) as response:
            judge(response, call, response.text or "")

    def stream(self, call: Call, options: dict[str, Any]) -> None:
        """A call whose answer comes in pieces; its time is that of the last."""
        began = time.perf_counter()
        text = ""
        with self.client.request(
            call.method, path_of(call), name=call.name, catch_response=True, stream=True, **options
        ) as response:
            for piece in response.iter_content(chunk_size=1024):
                if not text and response.status_code == 200:
                    self.note_first_piece(call, milliseconds_since(began))
                text += piece if isinstance(piece, str) else piece.decode(errors="replace")
            response.request_meta |= {"response_time": milliseconds_since(began), "response_length": len(text)}
            judge(response, call, text or response.text or "")

    def note_first_piece(self, call: Call, milliseconds: float) -> None:
        """Tells Locust what it does not see by itself."""
        self.environment.events.request.fire(
            request_type=call.method,
            name=f"{call.name}: first piece",
            response_time=milliseconds,
            response_length=0,
            exception=None,
            context={},
        )


def path_of(call: Call) -> str:
    """Where a call goes."""
    return str(filled_in(call.path, MODEL, ""))


def judge(response: Any, call: Call, text: str) -> None:
    """Tells Locust whether an answer was good; the refusals that a limited call may get have a line of their own."""
    if is_over_limit(call, response.status_code, text):
        response.request_meta["name"] = f"{call.name}: over the limit"
        response.success()
    elif wrong := fault(call, response.status_code, text, MODEL):
        response.failure(wrong)


def milliseconds_since(began: float) -> float:
    """The unit that Locust counts in."""
    return (time.perf_counter() - began) * 1_000
