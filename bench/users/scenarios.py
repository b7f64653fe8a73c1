"""How many users there are and for how long, and what they do. To try another endpoint, add a row to CALLS.

The standard library only: both the program that starts Locust and the file that Locust runs read this.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Scenario:
    """A number of users for a number of seconds; without either, Locust's page in the browser asks for them."""

    users: int = 0
    seconds: int = 0

    @property
    def is_interactive(self) -> bool:
        """Whether a person decides when it begins and ends."""
        return self.users == 0


SCENARIOS: Mapping[str, Scenario] = {
    "interactive": Scenario(),
    "quick": Scenario(10, 30),
    "heavy": Scenario(50, 120),
    "stress": Scenario(100, 300),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One thing that users do: how often among the others, and what a good answer holds.

    `MODEL` and `QUESTION` in a path or body stand for the model that is tried and for a question to it. What is limited
    by address may be refused for that, since all users share one: it is counted apart, and is no failure.
    """

    name: str
    weight: int
    method: str
    path: str
    body: Mapping[str, Any] = field(default_factory=dict)
    holds: str = ""
    ends_with: str = ""
    is_stream: bool = False
    is_limited: bool = False


MESSAGES = [{"role": "user", "content": "QUESTION"}]
PROMPT = {"prompt": "QUESTION", "max_tokens": 100}
CALLS: tuple[Call, ...] = (
    Call(
        *("chat", 5, "POST", "/v1/chat/completions", {"model": "MODEL", "messages": MESSAGES}),
        holds='"finish_reason":"stop"',
    ),
    Call(
        *(
            "chat, streamed",
            5,
            "POST",
            "/v1/chat/completions",
            {"model": "MODEL", "messages": MESSAGES, "stream": True},
        ),
        holds='"finish_reason":"stop"',
        ends_with="data: [DONE]",
        is_stream=True,
    ),
    Call("generate", 2, "POST", "/generate", PROMPT, holds='"response":"', is_limited=True),
    Call(
        *("generate, streamed", 2, "POST", "/generate?stream=true", PROMPT),
        ends_with="data: [DONE]",
        is_stream=True,
        is_limited=True,
    ),
    Call("generate with a model", 2, "POST", "/generate/MODEL", PROMPT, holds='"response":"', is_limited=True),
    Call("local generate", 1, "POST", "/local/generate", PROMPT, holds='"response":"', is_limited=True),
    Call("question", 2, "POST", "/question", {"text": "QUESTION"}, holds='"text":"'),
    Call("simple chat", 2, "POST", "/chat", {"prompt": "QUESTION"}, holds='"finish_reason":"stop"'),
    Call("local chat", 1, "POST", "/local-chat", {"prompt": "QUESTION"}, holds='"finish_reason":"stop"'),
    Call(
        *("response", 1, "POST", "/response", {"system_prompt": "Be brief.", "message": "QUESTION", "tokens": 100}),
        holds='"response":"',
        is_limited=True,
    ),
    Call("models", 1, "GET", "/v1/models", holds='"MODEL"'),
    Call("health", 1, "GET", "/health", holds='"status":"ok"'),
)
QUESTIONS = (
    "How do I make a key for a teammate?",
    "Where is the data stored?",
    "How do I limit a key to ten dollars a month?",
    "What does error 429 mean?",
    "How do I use Tollbar behind nginx?",
)


def filled_in(value: Any, model: str, question: str) -> Any:
    """A body, or what an answer should hold, with the model and the question in their places."""
    match value:
        case str():
            return value.replace("MODEL", model).replace("QUESTION", question)
        case list():
            return [filled_in(each, model, question) for each in value]
        case Mapping():
            return {name: filled_in(each, model, question) for name, each in value.items()}
    return value


def is_over_limit(call: Call, status: int, text: str) -> bool:
    """Whether an answer is the refusal that a limited call may get."""
    return call.is_limited and status == 429 and '"RATE_LIMIT_EXCEEDED"' in text


def fault(call: Call, status: int, text: str, model: str) -> str | None:
    """What is wrong with an answer; None when nothing is."""
    if is_over_limit(call, status, text):
        return None
    answer = "".join(text.split(" ")) if '" :' in text or '": ' in text else text
    if status != 200:
        return f"status {status}: {text[:200]}"
    if call.holds and filled_in(call.holds, model, "") not in answer:
        return f"the answer lacks {call.holds}: {text[-200:]}"
    if call.ends_with and not text.rstrip().endswith(call.ends_with):
        return f"the stream was cut: {text[-200:]}"
    return None
