"""The section on responses that are kept for the keys that they were made with."""

from tollbar.settings.fields import Section, setting

MEBIBYTE = 1_048_576


class Responses(Section):
    """Responses of `/v1/responses`, which a later request may go on from."""

    keep_days: float = setting(
        30.0,
        "How long a response is kept after somebody last went on from it; 0 keeps none.",
        unit="days",
        bounds=(0, 3_650),
    )
    max_bytes: int = setting(
        4 * MEBIBYTE,
        "The largest response, with what its own request brought, whose content is kept.",
        unit="bytes",
        bounds=(0, None),
    )
    max_bytes_per_key: int = setting(
        1_024 * MEBIBYTE,
        "How much is kept for one key; beyond it the oldest go, within the hour.",
        unit="bytes",
        bounds=(0, None),
    )
