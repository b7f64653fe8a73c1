"""The log line of a call: the wide record, flat. A provider that refuses our key is an error of its own beside it."""

from collections.abc import Callable, Sequence

from tollbar.domain.errors import UpstreamMisconfigured
from tollbar.domain.records import Attempt, RequestRecord
from tollbar.logs import Sink


def call_log(log: Sink) -> Callable[[Sequence[RequestRecord]], None]:
    """A sink that writes one line for each call, and one for the operator where a provider refuses this gateway."""

    def write(records: Sequence[RequestRecord]) -> None:
        for record in records:
            for attempt in record.attempts:
                if attempt.error_code == UpstreamMisconfigured.code:
                    log.emit(_alarm(record, attempt), "error")
        log.emit_all([_line(record) for record in records])

    return write


def _line(record: RequestRecord) -> dict[str, object]:
    usage, first = record.usage, record.first_token_seconds
    return {
        "event": "call",
        "request_id": record.request_id,
        "route": record.route,
        "key": record.key_name,
        "address": record.address,
        "model": record.model,
        "target": record.target,
        "stream": record.stream,
        "outcome": record.outcome,
        "status": record.status,
        "error": record.error_code,
        "attempts": len(record.attempts),
        "prompt_tokens": usage.prompt_tokens if usage else None,
        "completion_tokens": usage.completion_tokens if usage else None,
        "provenance": record.provenance,
        "credits": record.credits,
        "nano_dollars": record.cost_nano_dollars,
        "milliseconds": int(record.duration_seconds * 1_000),
        "first_token_milliseconds": None if first is None else int(first * 1_000),
    }


def _alarm(record: RequestRecord, attempt: Attempt) -> dict[str, object]:
    return {
        "event": "provider.misconfigured",
        "request_id": record.request_id,
        "target": attempt.target,
        "upstream_status": attempt.upstream_status,
    }
