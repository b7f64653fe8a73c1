"""The groups of errors hold what their rows can fail with."""

from tollbar.domain import errors
from tollbar.edge.operation import CALL, CREDENTIAL, READING, UPSTREAM, Operation


def test_a_call_can_fail_at_every_stage() -> None:
    """Key, body, model, allowance, provider; nothing twice."""
    assert {*READING, *CREDENTIAL, *UPSTREAM, errors.UnknownModel, errors.OutOfCredit} <= set(CALL)
    assert len(set(CALL)) == len(CALL)


def test_a_row_that_says_little_is_a_plain_answer() -> None:
    """JSON, 200, no body."""
    entry = Operation("Calls", "A summary")
    assert (entry.status, entry.answer_type, entry.body, entry.streams) == (200, "application/json", None, {})
