"""What is written of an answer that is kept, in the transaction of its settlement: no kill comes between them."""

from collections.abc import Callable
from datetime import datetime

import msgspec

from tollbar.domain.repeats import Keeping, Repeatable
from tollbar.storage.times import microseconds

_encode: Callable[[object], bytes] = msgspec.json.encode


def kept_row(keeping: Keeping, now: datetime) -> dict[str, object]:
    """Parameters of the statement that ends a turn with its answer."""
    answer = keeping.answer
    return {
        **place_of(keeping.call),
        "new_until": microseconds(now + keeping.keep_for),
        "new_status": answer.status,
        "new_head": _encode(answer.head).decode(),
        "new_body": answer.body,
    }


def place_of(call: Repeatable) -> dict[str, object]:
    """Where the turn of a call stands."""
    return {"scope": call.scope, "name": call.name, "request_id": call.request_id}
