"""A circuit for each target, and a budget for retries.

Closed: calls pass. Open after five failures in a row: the target is left out for ten seconds. Half open: one call at a
time is let through, and its end decides. Retries are paid from a budget that each call tops up by a fifth, so that a
failing provider is never sent more than about 1.2 times its traffic.
"""

from dataclasses import dataclass

from tollbar.domain.catalogue import Target
from tollbar.ports.clock import Clock

FAILURES_TO_OPEN = 5
OPEN_SECONDS = 10.0
RETRY_SHARE = 0.2
RETRY_RESERVE = 10.0
MOST_CIRCUITS = 10_000


@dataclass(slots=True)
class _Circuit:
    failures: int = 0
    open_until: float = 0.0
    probing_until: float = 0.0
    retries: float = RETRY_RESERVE


class Health:
    """How each target has fared of late, in this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._circuits: dict[str, _Circuit] = {}

    def is_up(self, target: Target) -> bool:
        """Whether a call may go there: its circuit is closed, or half open with nobody probing."""
        circuit = self._circuits.get(target.name)
        if circuit is None or circuit.failures < FAILURES_TO_OPEN:
            return True
        now = self._clock.monotonic()
        return now >= circuit.open_until and now >= circuit.probing_until

    def state(self, target: Target) -> str:
        """`closed`, `open` or `half-open`."""
        circuit = self._circuits.get(target.name)
        if circuit is None or circuit.failures < FAILURES_TO_OPEN:
            return "closed"
        return "open" if self._clock.monotonic() < circuit.open_until else "half-open"

    def began(self, target: Target) -> None:
        """A first attempt goes to the target."""
        circuit = self._circuit(target)
        circuit.retries = min(RETRY_RESERVE, circuit.retries + RETRY_SHARE)
        if circuit.failures >= FAILURES_TO_OPEN:
            circuit.probing_until = self._clock.monotonic() + OPEN_SECONDS

    def may_retry(self, target: Target) -> bool:
        """Takes one retry from the target's budget; False when it is used up."""
        circuit = self._circuit(target)
        if circuit.retries < 1:
            return False
        circuit.retries -= 1
        return True

    def succeeded(self, target: Target) -> None:
        """An attempt was answered."""
        circuit = self._circuit(target)
        circuit.failures = 0
        circuit.open_until = circuit.probing_until = 0.0

    def spared(self, target: Target) -> None:
        """A first attempt that had begun sent nothing after all: another call may probe."""
        self._circuit(target).probing_until = 0.0

    def failed(self, target: Target) -> None:
        """An attempt failed by the provider's fault."""
        circuit = self._circuit(target)
        circuit.failures += 1
        if circuit.failures >= FAILURES_TO_OPEN:
            circuit.open_until = self._clock.monotonic() + OPEN_SECONDS
            circuit.probing_until = 0.0

    def _circuit(self, target: Target) -> _Circuit:
        circuit = self._circuits.get(target.name)
        if circuit is None:
            if len(self._circuits) >= MOST_CIRCUITS:  # callers choose the names of models that nobody listed
                failing = [(name, each) for name, each in self._circuits.items() if each.failures]
                self._circuits = dict(failing[-MOST_CIRCUITS // 2 :])
            circuit = self._circuits[target.name] = _Circuit()
        return circuit
