"""What is written of a kept answer."""

from datetime import timedelta

from tests.storage.making import AT
from tollbar.domain.repeats import Keeping, KeptAnswer, Repeatable
from tollbar.storage.keeping import kept_row
from tollbar.storage.times import microseconds


def test_an_answer_stands_at_its_calls_place() -> None:
    """With its end, in the store's own units."""
    call = Repeatable("key:a", b"name", b"digest", "r1")
    row = kept_row(Keeping(call, KeptAnswer("r1", 200, (("a", "b"),), b"x"), timedelta(seconds=5)), AT)
    assert row == {
        "scope": "key:a",
        "name": b"name",
        "request_id": "r1",
        "new_until": microseconds(AT) + 5_000_000,
        "new_status": 200,
        "new_head": '[["a","b"]]',
        "new_body": b"x",
    }
