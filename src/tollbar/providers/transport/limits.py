"""How long an attempt may take and how large a document may be, and what to say when it was more."""

from dataclasses import dataclass

from tollbar.domain.catalogue import Timeouts
from tollbar.domain.errors import UpstreamTimeout
from tollbar.providers.faults import Peer


@dataclass(slots=True)
class Limits:
    """The limits of one attempt.

    `seconds_left` is what the call still has, and the attempt gets no more than that; `bound` is the time-out, by its
    setting, that leaves it no more.
    """

    timeouts: Timeouts
    is_stream: bool
    max_body_bytes: int
    seconds_left: float | None = None
    bound: str = "total"

    @property
    def total_seconds(self) -> float:
        """How long the attempt may take in all."""
        total, left = self.timeouts.total, self.seconds_left
        return total if left is None or left > total else max(left, 0.0)

    @property
    def first_byte_seconds(self) -> float:
        """How long the first byte of the body may take."""
        return self.timeouts.first_byte_stream if self.is_stream else self.timeouts.first_byte_plain

    @property
    def first_byte(self) -> str:
        """The name of that time-out."""
        return "first_byte_stream" if self.is_stream else "first_byte_plain"

    def exceeded(self, peer: Peer, which: str) -> UpstreamTimeout:
        """The error that says which time-out was exceeded, by its name in Timeouts, and which setting it is."""
        setting = which
        match which:
            case "connect":
                said = f"could not be reached within {self.timeouts.connect:g} s"
            case "write":
                said = f"took nothing of the request for {self.timeouts.write:g} s"
            case "between_bytes":
                said = f"fell silent for {self.timeouts.between_bytes:g} s in the middle of its answer"
            case "total":
                said = f"did not finish within the {self.total_seconds:.3g} s that it had"
                setting = self.bound
            case _:
                said = f"sent nothing for {self.first_byte_seconds:g} s"
        return UpstreamTimeout(
            f"{peer.name} {said}.",
            hint=f"The setting timeouts.{setting}_seconds changes that.",
            is_retryable=True,
            details={"provider": peer.name},
        )
