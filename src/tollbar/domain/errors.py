"""Everything that can go wrong with a call, as one tree.

    GatewayError                      500; each has code · status · message · hint · field · details
    ├─ RequestError                   400 invalid_request: the caller can mend it
    │  ├─ InvalidJson                 400 in the dialects, 422 in our own shape
    │  ├─ MissingField, InvalidType, InvalidValue   400 likewise
    │  ├─ UnknownModel                404 model_not_found
    │  ├─ InvalidModel                400: the address names a model that the key cannot call
    │  ├─ ContextTooLarge             400 context_length_exceeded
    │  ├─ PayloadTooLarge             413
    │  ├─ RequestTimeout              408: the request arrived too slowly
    │  ├─ AddressTooLong, HeadTooLarge   414, 431
    │  ├─ NotFound, MethodNotAllowed  404, 405: no such door
    │  │  └─ UnknownResponse          404: the request goes on from a response that the key does not have
    │  ├─ NotServed                   501: a door that clients know, and that is not built yet
    │  └─ Conflict                    409: somebody else changed it, or the name is taken
    │     ├─ KeyAlreadyIssued         409: this address has had its key
    │     ├─ CallUnderWay             409: the call of that Idempotency-Key has not ended; with the seconds to wait
    │     └─ OtherCall                409: the Idempotency-Key belongs to another call
    ├─ AccessError                    401
    │  ├─ MissingKey, InvalidKey, ExpiredKey, KeyAlreadyUsed   401
    │  └─ NotAllowed                           403
    ├─ AdmissionError                 503
    │  ├─ OutOfCredit                 429 insufficient_quota (OpenAI's word for it)
    │  ├─ RateLimited                 429 with the seconds to wait
    │  └─ Overloaded                  503: we are full, draining, or a store is away
    ├─ UpstreamError                  502; is_retryable · retry_after_seconds
    │  ├─ UpstreamFailed              502
    │  ├─ UpstreamBusy                503: the provider limits us
    │  │  └─ UpstreamFull             429: as many calls wait for a local model as may
    │  ├─ EngineUnavailable           503: no local model can run here, or not now; says what helps
    │  ├─ UpstreamTimeout             504
    │  ├─ UpstreamRejected            400: the provider says the request is wrong; never retried
    │  ├─ UpstreamMisconfigured       502: the provider refuses *our* key; an alarm for the operator
    │  └─ StreamBroken                502: after the first event, therefore told in-band
    ├─ CallCancelled                  499: whoever may ended the call from outside; a stream of it just ends
    └─ InternalError                  500: details stay in the log, under the request's id

Inner layers raise these and nothing else; the edge alone turns them into a status and a body.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from tollbar.domain.limits import Room


class GatewayError(Exception):
    """A failure with a code for programs, a message for people and, where one exists, a remedy."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    may_retry: ClassVar[bool] = False
    """Whether the caller's own retry can help; when false the answer says `x-should-retry: false`."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        field: str | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.field = field
        self.details: Mapping[str, object] = details or {}

    @property
    def text(self) -> str:
        """The message with its remedy, as a person should read it."""
        return f"{self.message} {self.hint}" if self.hint else self.message


class RequestError(GatewayError):
    """The request is at fault, and its sender can mend it."""

    code = "invalid_request"
    status = 400


class InvalidJson(RequestError):
    """The body is not JSON that we accept."""

    code = "invalid_json"


class MissingField(RequestError):
    """A required field is absent."""

    code = "missing_required_field"


class InvalidType(RequestError):
    """A field holds a value of the wrong type."""

    code = "invalid_type"


class InvalidValue(RequestError):
    """A field's value is of the right type but outside what is allowed."""

    code = "invalid_value"


class UnknownModel(RequestError):
    """No model of that name is configured here."""

    code = "model_not_found"
    status = 404


class InvalidModel(RequestError):
    """The address itself names a model that is not configured, or that the key may not use."""

    code = "invalid_model"


class ContextTooLarge(RequestError):
    """The request cannot fit into the context of any target."""

    code = "context_length_exceeded"


class PayloadTooLarge(RequestError):
    """The body is larger than the limit of this endpoint."""

    code = "payload_too_large"
    status = 413


class RequestTimeout(RequestError):
    """The caller sent its request too slowly."""

    code = "request_timeout"
    status = 408


class AddressTooLong(RequestError):
    """The request's address has more bytes than are read."""

    code = "url_too_long"
    status = 414


class HeadTooLarge(RequestError):
    """The request's head has more bytes, or more headers, than are read."""

    code = "headers_too_large"
    status = 431


class NotFound(RequestError):
    """There is nothing at this address."""

    code = "not_found"
    status = 404


class MethodNotAllowed(RequestError):
    """The address exists, but not for this method."""

    code = "method_not_allowed"
    status = 405


class UnknownResponse(NotFound):
    """The request goes on from a response that this key does not have, or has no longer."""

    code = "previous_response_not_found"


class NotServed(RequestError):
    """Clients of the dialect look for this here, and it is not served yet."""

    code = "not_implemented"
    status = 501


class Conflict(RequestError):
    """The change does not fit what is stored now."""

    code = "conflict"
    status = 409


class KeyAlreadyIssued(Conflict):
    """The caller's address has had its self-service key."""

    code = "key_already_issued"


class CallUnderWay(Conflict):
    """The call that the same `Idempotency-Key` began has not ended yet."""

    code = "call_under_way"
    may_retry = True


class OtherCall(Conflict):
    """The `Idempotency-Key` was sent before, with another request."""

    code = "idempotency_key_reused"


class AccessError(GatewayError):
    """The caller may not do this."""

    code = "invalid_api_key"
    status = 401


class MissingKey(AccessError):
    """No credential came with the request."""

    code = "missing_api_key"


class InvalidKey(AccessError):
    """The credential is malformed, unknown or revoked; which of these is never told."""


class ExpiredKey(AccessError):
    """The credential was valid once."""

    code = "key_expired"


class KeyAlreadyUsed(AccessError):
    """The credential was good for so many calls, and they are made."""

    code = "key_already_used"


class NotAllowed(AccessError):
    """The credential is valid but does not cover this model or route."""

    code = "forbidden"
    status = 403


class AdmissionError(GatewayError):
    """The call is in order, but may not start now."""

    code = "overloaded"
    status = 503


class OutOfCredit(AdmissionError):
    """An allowance does not hold what the call may cost."""

    code = "insufficient_quota"
    status = 429


class RateLimited(AdmissionError):
    """A rate or concurrency limit is used up; `rooms` say how the limits stand that were asked."""

    code = "rate_limit_exceeded"
    status = 429
    may_retry = True

    def __init__(
        self,
        message: str,
        *,
        retry_after_seconds: float,
        details: Mapping[str, object] | None = None,
        rooms: Sequence[Room] = (),
    ) -> None:
        super().__init__(message, details=details)
        self.retry_after_seconds = retry_after_seconds
        self.rooms = rooms


class Overloaded(AdmissionError):
    """The gateway, or a store that it cannot do without, cannot take the call now."""

    may_retry = True


class UpstreamError(GatewayError):
    """A provider failed. `is_retryable` is decided where the failure is seen, and nowhere else.

    `attempts` are those of the whole call, this one the last, for callers who are told of them: target, code, status.
    """

    code = "upstream_failed"
    status = 502

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        is_retryable: bool = False,
        retry_after_seconds: float | None = None,
        upstream_status: int | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message, hint=hint, details=details)
        self.is_retryable = is_retryable
        self.retry_after_seconds = retry_after_seconds
        self.upstream_status = upstream_status
        self.attempts: Sequence[Mapping[str, object]] = ()


class UpstreamFailed(UpstreamError):
    """The provider answered with an error of its own, or the connection failed."""


class UpstreamBusy(UpstreamError):
    """The provider limits our rate or says that it is overloaded."""

    code = "upstream_busy"
    status = 503


class UpstreamFull(UpstreamBusy):
    """The queue before a local model is full; it is well, and has enough to do."""

    code = "queue_full"
    status = 429
    may_retry = True


class EngineUnavailable(UpstreamError):
    """A local model cannot run: the engine or something it needs is missing, or the memory is, or it keeps crashing."""

    code = "engine_unavailable"
    status = 503


class UpstreamTimeout(UpstreamError):
    """The provider did not answer in time."""

    code = "upstream_timeout"
    status = 504


class UpstreamRejected(UpstreamError):
    """The provider finds the request itself wrong; `details` may hold its `code` and `param`."""

    code = "invalid_request"
    status = 400


class UpstreamMisconfigured(UpstreamError):
    """The provider refuses our own credentials: the operator's affair, not the caller's."""

    code = "upstream_misconfigured"


class StreamBroken(UpstreamError):
    """The provider's answer ended before it was complete, or cannot be read."""

    code = "stream_broken"


class CallCancelled(GatewayError):
    """The call was ended from outside: by another request of its own key, or by an operator."""

    code = "call_cancelled"
    status = 499


class InternalError(GatewayError):
    """A fault of ours; the answer carries only an id, the log line under that id the rest."""
