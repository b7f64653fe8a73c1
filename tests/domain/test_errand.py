"""An errand says where it is run and what its body is."""

from tollbar.domain.completion import CompletionRequest, Source
from tollbar.domain.errand import Errand


def test_a_request_is_one_for_a_completion_unless_it_says_otherwise() -> None:
    """And an errand's body is JSON unless it says otherwise."""
    request = CompletionRequest("m", Source("x", b"", {}, lambda: None))  # type: ignore[arg-type,return-value]
    assert request.errand is None
    assert (Errand("/x").content_type, Errand("/x").embedding) == ("application/json", None)
