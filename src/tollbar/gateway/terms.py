"""The terms on which a caller's calls come in: its limits as the charges they mean, worked out once."""

from collections.abc import Sequence
from typing import NamedTuple

from tollbar.domain.identity import KeyKind, Principal
from tollbar.domain.limits import Bounds, Charge, Limit, Measure

MOST_TERMS = 100_000


class Terms(NamedTuple):
    """What a principal's call takes from each gate. `slots` are those of `entry` that it gives back when it leaves."""

    principal: Principal
    scope: str
    entry: Sequence[Charge]
    slots: Sequence[Charge]
    tokens: Sequence[tuple[str, Limit]]

    def token_charges(self, bounds: Bounds) -> list[Charge]:
        """What a call is expected to use; a completion longer than the whole limit does not keep a short prompt out."""
        return [
            Charge(scope, limit, min(bounds.expected_tokens, max(limit.amount, bounds.prompt_tokens)))
            for scope, limit in self.tokens
        ]


class TermsBook:
    """The terms of the callers seen of late. A principal that was looked up anew gets new ones."""

    def __init__(self) -> None:
        self._known: dict[str, Terms] = {}

    def of(self, principal: Principal, source: str) -> Terms:
        """The terms of a principal who calls from a source."""
        scope = scope_of(principal, source)
        known = self._known.get(scope)
        if known is not None and known.principal is principal:
            return known
        if len(self._known) >= MOST_TERMS:
            self._known.clear()
        limits = [(scope, limit) for limit in principal.limits]
        if principal.team is not None:
            limits += [(f"team:{principal.team.id}", limit) for limit in principal.team.limits]
        entry = [Charge(whose, limit) for whose, limit in limits if limit.measure is not Measure.TOKENS]
        slots = [charge for charge in entry if charge.limit.measure is Measure.CONCURRENCY]
        tokens = [(whose, limit) for whose, limit in limits if limit.measure is Measure.TOKENS]
        made = self._known[scope] = Terms(principal, scope, entry, slots, tokens)
        return made


def scope_of(principal: Principal, source: str) -> str:
    """Whose limits a principal's are: the key's or, without one, the address's."""
    return f"anonymous:{source}" if principal.kind is KeyKind.ANONYMOUS else f"key:{principal.key_id}"
