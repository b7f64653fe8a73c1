"""The section on calls that are sent again with the same `Idempotency-Key`."""

from tollbar.settings.fields import Section, setting


class Idempotency(Section):
    """Calls with an `Idempotency-Key`: the same one is answered once, and charged once."""

    keep_hours: float = setting(
        24.0,
        "How long an answer is given to whoever sends the same call again; 0 leaves the header without a meaning.",
        unit="hours",
        bounds=(0, 8_760),
    )
    max_bytes: int = setting(
        1_048_576,
        "The largest answer that is kept; a call with a larger one is made anew.",
        unit="bytes",
        bounds=(0, None),
    )
