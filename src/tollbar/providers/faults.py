"""What a provider's refusal means: status, headers and body as one of our upstream errors.

The status decides, the body refines it. Whether a failure may be tried again is decided here and in `transport`, and
nowhere else. Messages are at most 500 characters, hold no control characters and no key; bodies of foreign programs
are never quoted beyond 100 characters.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from tollbar.domain.errors import (
    UpstreamBusy,
    UpstreamError,
    UpstreamFailed,
    UpstreamMisconfigured,
    UpstreamRejected,
    UpstreamTimeout,
)

LONGEST_MESSAGE = 500
LONGEST_QUOTE = 100
LONGEST_WAIT_SECONDS = 7 * 86_400.0
# Words for "this account has no money left", by OpenAI, Moonshot, DeepSeek and Amazon: waiting does not help.
NO_MONEY = frozenset(
    {
        "insufficient_quota",
        "billing_hard_limit_reached",
        "exceeded_current_quota_error",
        "ServiceQuotaExceededException",
    }
)

# Google and xAI answer 400 for a key that they do not know. Only these words at the beginning count: further on, a
# message may quote its caller, who shall not be able to raise an alarm about our key.
_REFUSED_KEY = re.compile(r"(?:API key (?:not valid|not found|expired)|Incorrect API key)", re.IGNORECASE)
# Anthropic answers 400 for an account without money, and says so in words alone.
_NO_BALANCE = re.compile(r"Your credit balance is too low", re.IGNORECASE)
_REQUEST_IDS = ("x-request-id", "request-id", "x-amzn-requestid")
_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_KEYS = re.compile(r"\b(?:sk|pk|rk|gsk|csk|xai|hf|fw|nvapi|pplx)[-_][\w*.\-]{6,}|\bAIza[\w*\-]{6,}|\b[Bb]earer\s+\S+")


@dataclass(frozen=True, slots=True)
class Peer:
    """Who a failure is about: a provider's name, where its key is set, and the key itself, to cut it out of texts."""

    name: str
    credential: str = ""
    secret: str = field(default="", repr=False)

    def clean(self, text: str, longest: int = LONGEST_MESSAGE) -> str:
        """Foreign text as it may be shown: one line, without keys, no longer than allowed."""
        if self.secret:
            text = text.replace(self.secret, "***")
        line = _CONTROL.sub(" ", _KEYS.sub("***", text)).strip()
        return line if len(line) <= longest else line[: longest - 1] + "…"


@dataclass(frozen=True, slots=True)
class Said:
    """What a provider's error body says, as far as it says anything."""

    message: str = ""
    code: str = ""
    param: str = ""
    kind: str = ""
    is_flagged: bool = False
    """Whether the input was found objectionable; OpenRouter says so with the status of a refused key."""
    wait_seconds: float | None = None
    """How long to wait, where Google says so: not in a header."""


def from_status(peer: Peer, status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> UpstreamError:
    """The error that a status other than 200 stands for. `now` is what a Retry-After date is compared with."""
    said = read(body, peer)
    if kind_told := headers.get("x-amzn-errortype"):
        said = replace(said, kind=kind_told.partition(":")[0])
    wait = retry_after_seconds(headers, now)
    wait = said.wait_seconds if wait is None else wait
    request_id = next((headers[name] for name in _REQUEST_IDS if headers.get(name)), "")
    found = {"code": said.code, "param": said.param, "type": said.kind, "request_id": request_id}
    details: dict[str, object] = {name: peer.clean(text, LONGEST_QUOTE) for name, text in found.items() if text}
    kind, may_retry, message, hint = judge(peer, status, said)
    if said.message and kind is not UpstreamRejected:
        message = f"{message.removesuffix('.')}: {said.message}"
    return kind(
        peer.clean(message),
        hint=hint,
        is_retryable=may_retry,
        retry_after_seconds=wait if may_retry else None,
        upstream_status=status,
        details={"provider": peer.name, **details},
    )


def judge(peer: Peer, status: int, said: Said) -> tuple[type[UpstreamError], bool, str, str]:
    """The class of error, whether another try may help, the message, and what to do about it."""
    answered = f"{peer.name} answered HTTP {status}."
    if said.code in NO_MONEY or said.kind in NO_MONEY or status == 402 or _NO_BALANCE.match(said.message):
        return (
            UpstreamMisconfigured,
            False,
            f"The account with {peer.name} has no quota left (HTTP {status}).",
            ("Its operator has to see to the account's plan or balance."),
        )
    if status == 403 and said.is_flagged:
        return UpstreamRejected, False, said.message or answered, ""
    if status in {401, 403} or (status == 400 and _REFUSED_KEY.match(said.message)):
        hint = f"Check {peer.credential}." if peer.credential else ""
        return (
            UpstreamMisconfigured,
            False,
            f"{peer.name} refuses the credentials of this gateway (HTTP {status}).",
            hint,
        )
    if status in {408, 504, 522, 524}:
        return UpstreamTimeout, True, f"{peer.name} did not answer in time (HTTP {status}).", ""
    if status == 429:
        return UpstreamBusy, True, f"{peer.name} limits the rate of requests (HTTP 429).", ""
    if status in {503, 529}:
        return UpstreamBusy, True, f"{peer.name} is overloaded (HTTP {status}).", ""
    if status >= 500 or status == 424:  # Amazon's for a model that failed at its work
        return UpstreamFailed, status not in {501, 505}, answered, ""
    if status >= 400:
        hint = "" if said.message else "Is the provider's base_url right?"
        return UpstreamRejected, False, said.message or answered, hint
    if status >= 300:
        return (
            UpstreamFailed,
            False,
            f"{peer.name} redirects elsewhere (HTTP {status}), which is not followed.",
            ("Check the provider's base_url."),
        )
    return UpstreamFailed, False, answered, ""


def read(body: bytes, peer: Peer) -> Said:
    """What an error body says: OpenAI's shape, and those of the servers that came near to it."""
    try:
        document: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = body[:4_000].decode("utf-8", "replace").strip()
        return Said() if text.startswith("<") else Said(peer.clean(text, LONGEST_QUOTE))
    if isinstance(document, list) and document:
        document = document[0]  # Google wraps its errors in a list
    if not isinstance(document, dict):
        return Said()
    error = document.get("error")
    if isinstance(error, str):
        return Said(peer.clean(error))
    if not isinstance(error, dict):
        error = document
    message = next(
        (text for name in ("message", "Message", "detail", "error_msg") if (text := _text(error.get(name)))), ""
    )
    kind = error.get("type") or error.get("status")
    metadata = error.get("metadata")
    is_flagged = isinstance(metadata, dict) and "flagged_input" in metadata
    wait = _google_wait(error.get("details"))
    return Said(peer.clean(message), _word(error.get("code")), _word(error.get("param")), _word(kind), is_flagged, wait)


def retry_after_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """How long the provider asks us to wait; None when it does not say. Milliseconds are OpenAI's extension."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        if re.fullmatch(r"\d{1,12}(\.\d{1,6})?", text):
            return min(float(text) * scale, LONGEST_WAIT_SECONDS)
    try:
        moment = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - now).total_seconds()), LONGEST_WAIT_SECONDS)


def _google_wait(details: object) -> float | None:
    """The `retryDelay` of a `google.rpc.RetryInfo`, such as `34.07s`."""
    for detail in details if isinstance(details, list) else ():
        told = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(told, str) and re.fullmatch(r"\d{1,9}(\.\d{1,9})?s", told):
            return min(float(told[:-1]), LONGEST_WAIT_SECONDS)
    return None


def _text(value: Any) -> str:
    """A message in whatever shape: text, FastAPI's list of faults, or an object with a message of its own."""
    match value:
        case str():
            return value
        case list():
            return "; ".join(text for item in value[:5] if (text := _text(item)))
        case {"msg": str(fault)}:
            place = value.get("loc")
            where = ".".join(map(str, place)) if isinstance(place, list) else ""
            return f"{where}: {fault}" if where else fault
        case {"message": inner} | {"detail": inner}:
            return _text(inner)
    return ""


def _word(value: object) -> str:
    """A code or a name: text as it is, a number as text, anything else as nothing."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
