"""A completion request as a value."""

import pytest

from tollbar.domain.completion import CompletionRequest, Source
from tollbar.domain.conversation import Conversation


def test_a_request_has_the_defaults_of_a_plain_call() -> None:
    """What the caller did not say: not streamed, one choice, no bound, nothing special needed."""
    request = CompletionRequest("m", Source("openai", b"{}", {}, lambda: Conversation(())))
    assert (False, None, 1, None, False, frozenset()) == (
        request.stream,
        request.max_tokens,
        request.choices,
        request.user,
        request.wants_usage,
        request.features,
    )


def test_a_request_cannot_be_changed() -> None:
    """What was admitted is what is served."""
    request = CompletionRequest("m", Source("openai", b"{}", {}, lambda: Conversation(())))
    with pytest.raises(AttributeError):
        request.model = "other"  # type: ignore[misc]
