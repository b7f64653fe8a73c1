"""The header `x-tollbar-dry-run`, and `/v1/quote`: how a quote is told in an answer's place, alike in every dialect."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal
from urllib.parse import parse_qs

from pydantic import Field

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errors import InvalidValue
from tollbar.domain.money import Unit, to_decimal
from tollbar.edge.bodies import answer
from tollbar.edge.schemas import AllowanceView, Amount, Shape
from tollbar.gateway.counting import CountedBy
from tollbar.gateway.quoting import Quote, TargetQuote
from tollbar.wire import anthropic, embeddings, gemini, ollama, openai_chat, openai_responses, openai_text, reading
from tollbar.wire.body import scan
from tollbar.wire.dialect import Dialect, Incoming

HEADER = b"x-tollbar-dry-run"
_CHAT = openai_chat.DIALECT


def _of_google(incoming: Incoming) -> CompletionRequest:
    """A request whose model stands beside its `contents`, for there is no address to name it."""
    body = scan(incoming.body)
    reading.demand(body, "model")
    return gemini.DIALECT.decode(incoming._replace(name=reading.head(body, {"model": str})["model"]))


def _of_ollama(incoming: Incoming) -> CompletionRequest:
    """A request for a chat, or for a text."""
    dialect = ollama.CHAT if "messages" in scan(incoming.body) else ollama.GENERATE
    return dialect.decode(incoming)


_BODIES = {
    "openai": _CHAT,
    "completions": openai_text.DIALECT,
    "responses": openai_responses.DIALECT,
    "anthropic": anthropic.DIALECT,
    "gemini": replace(gemini.DIALECT, decode=_of_google),
    "ollama": replace(ollama.CHAT, decode=_of_ollama),
    "embeddings": embeddings.OPENAI,
}
DIALECTS: Mapping[str, Dialect] = {
    name: replace(dialect, encode_error=_CHAT.encode_error, status_of=_CHAT.status_of, more_headers=_CHAT.more_headers)
    for name, dialect in _BODIES.items()
}
"""Whose bodies `/v1/quote` takes, by the name that the query gives; it answers all of them in one shape."""


def dialect_asked(incoming: Incoming) -> Dialect:
    """The dialect that the query names, OpenAI's chat without one; raises InvalidValue."""
    name = parse_qs(incoming.query.decode("latin-1")).get("dialect", ["openai"])[-1]
    if name not in DIALECTS:
        raise InvalidValue("There is no such dialect.", field="dialect", hint=f"There are: {', '.join(DIALECTS)}.")
    return DIALECTS[name]


DIALECT = replace(openai_chat.DIALECT, variant=dialect_asked)
"""That of `/v1/quote`."""


class TargetQuoteView(Shape):
    """What the call would use and cost at one target; dollars are null where the price is unknown."""

    target: str
    prompt_tokens: int
    counted_by: CountedBy = Field(description="Whether these are counted, or estimated from the length.")
    expected_tokens: int = Field(description="Prompt and answer, as calls usually go.")
    most_tokens: int = Field(description="Prompt and answer, if all goes to the limit.")
    least_dollars: Amount | None = Field(description="The prompt alone.")
    expected_dollars: Amount | None
    most_dollars: Amount | None = Field(description="What would be held.")

    @classmethod
    def of(cls, quote: TargetQuote) -> "TargetQuoteView":
        """How it is told."""
        bounds = quote.bounds
        amounts = (quote.least_nano_dollars, bounds.expected_nano_dollars, bounds.most_nano_dollars)
        least, usual, most = (None if amount is None else to_decimal(Unit.DOLLARS, amount) for amount in amounts)
        return cls(
            target=quote.target,
            prompt_tokens=bounds.prompt_tokens,
            counted_by=quote.counted_by,
            expected_tokens=bounds.expected_tokens,
            most_tokens=bounds.most_tokens,
            least_dollars=least,
            expected_dollars=usual,
            most_dollars=most,
        )


class QuoteView(Shape):
    """What a call would cost, had it been made."""

    object: Literal["quote"] = "quote"
    model: str
    allowed: bool = Field(description="Whether it would be let in, rates aside.")
    credits: int
    targets: list[TargetQuoteView] = Field(description="In the order in which they would be tried.")
    refused_by: list[AllowanceView] = Field(description="The allowances in which it would not fit.")


def is_dry_run(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether the headers ask for a quote; raises InvalidValue for a value that says neither yes nor no."""
    found = {value.strip().lower() for name, value in headers if name == HEADER}
    if found - {b"true", b"false"} or len(found) > 1:
        raise InvalidValue(f"{HEADER.decode()} is true or false.", field=HEADER.decode())
    return b"true" in found


def told(quote: Quote) -> bytes:
    """A quote as JSON."""
    view = QuoteView(
        model=quote.model,
        allowed=not quote.short,
        credits=quote.credits,
        targets=[TargetQuoteView.of(target) for target in quote.targets],
        refused_by=[AllowanceView.of(allowance) for allowance in quote.short],
    )
    return bytes(answer(view).body)
