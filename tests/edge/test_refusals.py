"""What a refused connection is told."""

import json

from tollbar.edge.refusals import Refusal, bad_request, head_too_large, too_slow


def body_of(refusal: Refusal) -> tuple[str, dict[str, object]]:
    """The status line of a refusal's answer, and the error in its body."""
    head, _, body = refusal.answer("req_1", [(b"server", b"x")]).partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head
    assert b"connection: close" in head
    return head.split(b"\r\n")[0].decode(), json.loads(body)["error"]


def test_each_refusal_is_one_unified_error() -> None:
    """Status, code, the bound that was passed, and the id that the log has."""
    line, error = body_of(bad_request("Two hosts."))
    assert (line, error["code"], error["message"]) == ("HTTP/1.1 400 Bad Request", "invalid_request", "Two hosts.")
    line, error = body_of(head_too_large(16_384, 100))
    assert (line.split()[1], error["code"], error["status"]) == ("431", "headers_too_large", 431)
    assert "16384" in str(error["message"])
    line, error = body_of(too_slow("body", 60.0))
    assert (line.split()[1], error["request_id"], error["details"]) == ("408", "req_1", {})
    assert "60 seconds" in str(error["message"])
