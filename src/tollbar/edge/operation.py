"""What the API document can say of one row of the route table, and the groups of errors that rows have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel

from tollbar.domain import errors
from tollbar.domain.errors import GatewayError

JSON = "application/json"
ANSWERED = ("x-tollbar-target", "x-tollbar-replayed", "x-tollbar-clamped")
"""Headers of answers of models."""

BODY = (errors.InvalidJson, errors.MissingField, errors.InvalidType, errors.InvalidValue)
READING = (*BODY, errors.RequestTimeout, errors.PayloadTooLarge)
CREDENTIAL = (errors.MissingKey, errors.InvalidKey, errors.ExpiredKey, errors.NotAllowed, errors.RateLimited)
UPSTREAM = (
    errors.UpstreamRejected,
    errors.UpstreamFailed,
    errors.UpstreamMisconfigured,
    errors.UpstreamBusy,
    errors.UpstreamFull,
    errors.EngineUnavailable,
    errors.UpstreamTimeout,
)
CALL = (
    *READING,
    errors.ContextTooLarge,
    *CREDENTIAL,
    errors.UnknownModel,
    errors.OutOfCredit,
    errors.CallUnderWay,
    errors.OtherCall,
    errors.CallCancelled,
    errors.Overloaded,
    *UPSTREAM,
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One row's entry. `body`, of type `body_type`, and `answer` are shapes, or names of schemas.

    `errors` leaves out what every row of its access can fail with. `streams` has an example of each type in which the
    answer can be streamed, `samples` how to make the call in several languages, `parameters` names what the address
    takes beside the path's own.
    """

    tag: str
    summary: str
    description: str = ""
    body: type[BaseModel] | str | None = None
    body_type: str = JSON
    body_examples: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    status: int = 200
    answer: type[BaseModel] | str | None = None
    answer_type: str = JSON
    example: object = None
    errors: tuple[type[GatewayError], ...] = ()
    headers: tuple[str, ...] = ()
    streams: Mapping[str, str] = field(default_factory=dict)
    samples: Sequence[Mapping[str, str]] = ()
    parameters: tuple[str, ...] = ()
