"""The error tree is what its drawing says."""

import re
from collections.abc import Iterator

import pytest

from tollbar.domain import errors
from tollbar.domain.errors import (
    CallUnderWay,
    GatewayError,
    OutOfCredit,
    Overloaded,
    RateLimited,
    UpstreamBusy,
    UpstreamError,
    UpstreamFull,
)
from tollbar.wire.openai_chat.errors import encode_error

_LINE = re.compile(r"^ {4}(?P<branch>[│ ├└─]*)(?P<names>[A-Z]\w+(?:, [A-Z]\w+)*)(?: {2,}(?P<text>.*))?$")
_STATUS = re.compile(r"\b[1-5]\d\d\b")


def everything(root: type[GatewayError] = GatewayError) -> Iterator[type[GatewayError]]:
    """A class and all below it."""
    yield root
    for child in root.__subclasses__():
        yield from everything(child)


def drawn() -> Iterator[tuple[str, str | None, int]]:
    """Each class of the drawing with its parent and its status."""
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        level = len(match["branch"]) // 3
        names = match["names"].split(", ")
        statuses = [int(text) for text in _STATUS.findall(match["text"] or "")]
        own = statuses if len(statuses) == len(names) else statuses[:1] * len(names)
        parent = path[level - 1] if level else None
        for name, status in zip(names, own, strict=True):
            yield name, parent, status
        path[level:] = names[:1]


def made(kind: type[GatewayError]) -> GatewayError:
    """One error of a class."""
    return kind("No.", retry_after_seconds=1) if issubclass(kind, RateLimited) else kind("No.")


def test_every_class_is_drawn_once_under_its_parent_with_its_status() -> None:
    """The drawing in the docstring is complete and true."""
    kinds = list(everything())
    parents = [None, *(kind.__mro__[1].__name__ for kind in kinds[1:])]
    tree = [(kind.__name__, parent, kind.status) for kind, parent in zip(kinds, parents, strict=True)]
    assert sorted(tree, key=str) == sorted(drawn(), key=str)


@pytest.mark.parametrize("kind", list(everything()))
def test_every_class_renders_with_its_drawn_status(kind: type[GatewayError]) -> None:
    """What the drawing says is what a caller gets, for every class of the tree."""
    status, body = encode_error(made(kind), "id")
    assert {name: status for name, _, status in drawn()}[kind.__name__] == status
    assert b'"code":"' + kind.code.encode() in body


def test_text_is_the_message_with_its_remedy() -> None:
    """A hint follows the message; without one the message stands alone."""
    assert GatewayError("Too big.", hint="Send less.").text == "Too big. Send less."
    assert GatewayError("Too big.").text == "Too big."


def test_details_are_always_an_object() -> None:
    """An error without details has empty ones, and no error shares another's."""
    assert GatewayError("No.").details == {}
    assert GatewayError("No.").details is not GatewayError("No.").details


def test_only_what_may_pass_by_itself_invites_a_retry() -> None:
    """The caller's SDK may try again where waiting helps, and never after our own attempts."""
    assert {RateLimited, Overloaded, UpstreamFull, CallUnderWay} == {kind for kind in everything() if kind.may_retry}
    assert not OutOfCredit.may_retry


def test_an_upstream_error_is_not_retryable_unless_said_so() -> None:
    """The one who saw the failure decides; silence means no."""
    assert not any(made(kind).is_retryable for kind in everything(UpstreamError))  # type: ignore[attr-defined]
    fault = UpstreamBusy("Busy.", is_retryable=True, retry_after_seconds=2.5, upstream_status=429)
    assert (fault.is_retryable, fault.retry_after_seconds, fault.upstream_status) == (True, 2.5, 429)
