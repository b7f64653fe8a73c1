"""The log line of a call: the wide record, flat, without what is absent."""

from collections.abc import Callable

import structlog

from tollbar.domain.records import RequestRecord


def call_log() -> Callable[[RequestRecord], None]:
    """A sink that writes one line for each call."""
    log = structlog.get_logger("tollbar.calls")

    def write(record: RequestRecord) -> None:
        usage = record.usage
        log.info(
            "call",
            request_id=record.request_id,
            route=record.route,
            key=record.key_name,
            address=record.address,
            model=record.model,
            target=record.target,
            stream=record.stream,
            outcome=record.outcome.value,
            status=record.status,
            error=record.error_code,
            attempts=len(record.attempts),
            prompt_tokens=usage.prompt_tokens if usage else None,
            completion_tokens=usage.completion_tokens if usage else None,
            provenance=record.provenance.value if record.provenance else None,
            credits=record.credits,
            nano_dollars=record.cost_nano_dollars,
            seconds=round(record.duration_seconds, 4),
            first_token_seconds=None if record.first_token_seconds is None else round(record.first_token_seconds, 4),
        )

    return write
