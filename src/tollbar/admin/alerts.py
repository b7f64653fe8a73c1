"""Alerts: which thresholds there are, where alerts go, and the sending of those that are due.

Guarantees: one alert for each allowance, threshold and period, sent at least once, in the end, as long as the webhook
answers within three days of trying; each sending is signed anew; nothing here is on the path of a call.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from tollbar.admin.sealing import seal, unseal
from tollbar.domain.alerts import TEST, Alert, Webhook, alert_of, body_of, new_id, new_secret, secret_fault, signed
from tollbar.domain.errors import Conflict, GatewayError, InvalidValue, NotFound
from tollbar.domain.identity import Holder, Key, Reset
from tollbar.domain.money import Unit
from tollbar.domain.teams import Team, holder_of
from tollbar.ports.clock import Clock
from tollbar.ports.watching import AlertStore, Courier, SealedHook

PLACE = "the webhook of alerts"
MOST_AT_ONCE = 20
MOST_KNOWN = 100_000
MOST_THRESHOLDS = 10
GREATEST = 1_000
KEPT = timedelta(days=90)
OVER_FOR = timedelta(minutes=1)
"""How long after its end a period is still looked at: what was spent at its last moment is told of."""


@dataclass(frozen=True, slots=True)
class AlertTerms:
    """What the settings say: the usual thresholds and the webhook, if any; and the key that secrets are sealed with.

    `own` are the thresholds of single holders, by their names.
    """

    at: tuple[int, ...]
    hook: Webhook | None
    encryption: bytes
    own: Mapping[Holder, Mapping[str, tuple[int, ...]]] = field(default_factory=dict)

    @property
    def lowest(self) -> int:
        """The lowest threshold of all; one that cannot be without any."""
        single = (at for named in self.own.values() for at in named.values())
        return min((one for at in (self.at, *single) for one in at), default=GREATEST + 1)

    def of(self, holder: Holder, name: str) -> tuple[int, ...] | None:
        """The thresholds that the settings give to one holder; None where they name none."""
        return self.own.get(holder, {}).get(name)


class Alerts:
    """See the module. `check` says what is wrong with an address, before anything is sent there."""

    def __init__(
        self, store: AlertStore, courier: Courier, clock: Clock, terms: AlertTerms, check: Callable[[str], str]
    ) -> None:
        self._store = store
        self._courier = courier
        self._clock = clock
        self._terms = terms
        self._check = check
        self._known: set[tuple[int, int, int]] = set()

    @property
    def usual(self) -> tuple[int, ...]:
        """The thresholds of allowances that have none of their own."""
        return self._terms.at

    @property
    def declared(self) -> Sequence[tuple[Holder, str, tuple[int, ...]]]:
        """Those that the file gives to single holders: whose, its name, and they."""
        return [(holder, name, at) for holder, named in self._terms.own.items() for name, at in named.items()]

    async def tick(self) -> None:
        """Puts alerts of what was reached on their way, and sends those that are due; called every few seconds."""
        await self._watch()
        hook = await self.hook()
        if hook is None:
            return
        for _ in range(MOST_AT_ONCE):
            alert = await self._store.claim()
            if alert is None:
                return
            await self._store.tell(alert.id, await self._sent(hook, alert.id, alert.body))

    async def test(self) -> str | None:
        """Sends an alert of no allowance now; what went wrong, None when nothing did. Raises NotFound."""
        hook = await self.hook()
        if hook is None:
            raise NotFound(
                "No webhook is set.", hint="Set one: 'tollbar alerts webhook URL', or alerts.url in the file."
            )
        body = body_of(TEST, self._clock.now(), {"note": "This is a test. Nothing was reached."})
        return await self._sent(hook, new_id(), body)

    async def newest(self) -> Sequence[Alert]:
        """The last alerts, newest first."""
        return await self._store.newest()

    async def thresholds(self) -> Sequence[tuple[str, Unit, tuple[int, ...]]]:
        """Those that were set: the owner and unit of the allowance, and they."""
        return await self._store.thresholds()

    async def hook(self) -> Webhook | None:
        """Where alerts go: the file's webhook, or else the one that was set."""
        if self._terms.hook is not None:
            return self._terms.hook
        kept = await self._store.hook()
        return None if kept is None else Webhook(kept.url, unseal(self._terms.encryption, kept.sealed, PLACE))

    async def set_hook(self, store: AlertStore, url: str | None, secret: str | None) -> Webhook | None:
        """Sets where alerts go, with a secret that is made where none is given; None takes it away.

        Raises InvalidValue, and Conflict where the file says where they go.
        """
        if self._terms.hook is not None:
            raise Conflict("The file sets the webhook.", hint="Change alerts.url there, or take it out.")
        if url is None:
            await store.set_hook(None)
            return None
        if fault := self._check(url):
            raise InvalidValue(f"The address {fault}.", field="url")
        hook = Webhook(url, secret or new_secret())
        if fault := secret_fault(hook.secret):
            raise InvalidValue(f"The secret {fault}.", field="secret", hint="Leave it out, and one is made.")
        await store.set_hook(SealedHook(url, seal(self._terms.encryption, hook.secret, PLACE)))
        return hook

    async def set_thresholds(
        self, store: AlertStore, owner: Key | Team, at: Sequence[int] | None, unit: str | None = None
    ) -> tuple[int, ...] | None:
        """Sets those of an owner's allowances, or of that of one unit; None means the usual ones again.

        Raises InvalidValue, and Conflict where the file says which they are.
        """
        if self._terms.of(holder_of(owner.id), owner.name) is not None:
            section = "teams" if isinstance(owner, Team) else "keys"
            hint = f"Change alerts.{section}.{owner.name} there, or take it out."
            raise Conflict(f"The file sets the thresholds of {owner.name!r}.", hint=hint)
        chosen = None if at is None else tuple(sorted(set(at)))
        if chosen is not None and not (len(chosen) <= MOST_THRESHOLDS and all(1 <= one <= GREATEST for one in chosen)):
            wrong = f"Thresholds are at most {MOST_THRESHOLDS} whole numbers from 1 to {GREATEST}."
            raise InvalidValue(wrong, field="at", hint="Per cent of what is granted: 80, 100. None at all is [].")
        try:
            of = None if unit is None else Unit(unit)
        except ValueError:
            raise InvalidValue(f"There is no unit {unit!r}.", field="unit", hint=f"One of {', '.join(Unit)}.") from None
        await store.set_thresholds(owner.id, of, chosen)
        return chosen

    async def _watch(self) -> None:
        now, terms = self._clock.now(), self._terms
        found: list[Alert] = []
        for standing in await self._store.standings(terms.lowest):
            if standing.reset is not Reset.NEVER and standing.period_end and standing.period_end + OVER_FOR < now:
                continue
            own = terms.of(standing.holder, standing.name)
            for threshold in (standing if own is None else standing._replace(at=own)).crossed(terms.at):
                mark = (standing.allowance, threshold, standing.period)
                if mark not in self._known:
                    found.append(alert_of(standing, threshold, now))
        if found:
            await self._store.add(found)
            if len(self._known) > MOST_KNOWN:
                self._known.clear()  # the store knows them, too
            self._known |= {(alert.allowance, alert.threshold, alert.period) for alert in found}

    async def _sent(self, hook: Webhook, alert_id: str, body: str) -> str | None:
        """Sends; what went wrong, None when nothing did."""
        try:
            status = await self._courier.post(hook.url, signed(hook, alert_id, body, self._clock.now()), body.encode())
        except GatewayError as fault:
            return fault.message
        return None if 200 <= status < 300 else f"The webhook answered with status {status}."
