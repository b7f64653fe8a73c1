"""What somebody asks a key to be, before anything is checked, and the checks.

The command line and the admin API both fill in a draft, so that one rule and one message hold for both. Every fault is
an InvalidValue that names the draft's field.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tollbar.domain.errors import InvalidValue
from tollbar.domain.identity import Grant, Key, Permission, Reset, TopUp
from tollbar.domain.limits import Limit, Measure, parse_rate
from tollbar.domain.money import Unit, to_amount
from tollbar.domain.teams import Team

MAX_NAME = 100
MAX_MODEL_NAME = 256
MAX_MODELS = 1_000
MAX_AMOUNT: Mapping[Unit, int] = {Unit.CREDITS: 10**9, Unit.DOLLARS: 10**9, Unit.TOKENS: 10**15, Unit.USES: 10**9}
MAX_AT_ONCE = 1_000_000
MAX_LIFE = timedelta(days=3_660)
EVERY_MODEL = "*"
NEVER = "never"
FIELDS: Mapping[Unit, str] = {Unit.USES: "max_uses"}
"""Units that a draft's field calls by another name."""
RATES = {
    "rpm": (Measure.REQUESTS, "minute"),
    "rpd": (Measure.REQUESTS, "day"),
    "tpm": (Measure.TOKENS, "minute"),
    "tpd": (Measure.TOKENS, "day"),
}
_QUOTED_AT_MOST = 64
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_SPAN = re.compile(r"(\d{1,9})\s*([smhdw])")

Number = int | Decimal


@dataclass(frozen=True, slots=True)
class KeyDraft:
    """A key as it is asked for. None says nothing: the default for a new key, no change for an existing one.

    Amounts are in their unit, dollars with decimals. Rates are per minute and per day, of requests and of tokens; 0
    lifts a limit. A use is a successful call. An empty `tier` is a plain key. `expires` is a span (`30d`, `12h`), a
    date, a time, or `never`. A model `*` means every model. `team` is the id of a team, empty for none.
    `time_zone` is where periods begin, by its name.
    """

    name: str | None = None
    permission: str | None = None
    models: Sequence[str] | None = None
    credits: Number | None = None
    dollars: Number | None = None
    tokens: Number | None = None
    reset: str | None = None
    rpm: int | None = None
    rpd: int | None = None
    tpm: int | None = None
    tpd: int | None = None
    concurrency: int | None = None
    expires: str | None = None
    tier: str | None = None
    max_uses: int | None = None
    team: str | None = None
    time_zone: str | None = None


def read_name(draft: KeyDraft) -> str:
    """The name, trimmed; raises InvalidValue."""
    name = (draft.name or "").strip()
    if not name:
        raise InvalidValue("A key needs a name.", field="name", hint="Say who or what will use it.")
    if len(name) > MAX_NAME or not name.isprintable():
        raise InvalidValue(f"A name has at most {MAX_NAME} characters, all of them printable.", field="name")
    return name


def read_permission(draft: KeyDraft) -> Permission:
    """What the key opens; raises InvalidValue."""
    try:
        return Permission(draft.permission or Permission.CALL)
    except ValueError:
        raise InvalidValue("A key opens either `call` or `admin`.", field="permission") from None


def read_tier(draft: KeyDraft, tiers: Collection[str]) -> str:
    """The name of a configured tier, empty for a plain key; raises InvalidValue."""
    name = (draft.tier or "").strip()
    if name and name not in tiers:
        wrong = f"There is no tier {name[:_QUOTED_AT_MOST]!r}."
        known = f"Configured in 'tiers' are: {', '.join(sorted(tiers))}." if tiers else "The setting 'tiers' has none."
        raise InvalidValue(wrong, field="tier", hint=known)
    return name


def read_models(draft: KeyDraft) -> tuple[str, ...]:
    """The models the key may use, trimmed and without repetitions; none means every one. Raises InvalidValue."""
    names = tuple(dict.fromkeys(name.strip() for name in draft.models or ()))
    if len(names) > MAX_MODELS:
        raise InvalidValue(f"A key lists at most {MAX_MODELS} models.", field="models")
    for name in names:
        if not name or len(name) > MAX_MODEL_NAME or not name.isprintable():
            wrong = f"{name[:_QUOTED_AT_MOST]!r} is no name of a model."
            raise InvalidValue(wrong, field="models", hint="`*` means every model.")
    return () if EVERY_MODEL in names else names


def read_limits(draft: KeyDraft, present: Sequence[Limit] = ()) -> tuple[Limit, ...]:
    """The limits, those of the draft in place of present ones of their kind; raises InvalidValue."""
    found = {(limit.measure, limit.window_seconds): limit for limit in present}
    for name, (measure, window) in RATES.items():
        amount: int | None = getattr(draft, name)
        if amount is None:
            continue
        kind = parse_rate(f"1/{window}", measure)
        found.pop((measure, kind.window_seconds), None)
        if amount != 0:
            found[measure, kind.window_seconds] = _rate(name, amount)
    if draft.concurrency is not None:
        found.pop((Measure.CONCURRENCY, 0), None)
        if not 0 <= draft.concurrency <= MAX_AT_ONCE:
            wrong = f"Calls at once are a number from 1 to {MAX_AT_ONCE:,}."
            raise InvalidValue(wrong, field="concurrency", hint="0 lifts the limit.")
        if draft.concurrency:
            found[Measure.CONCURRENCY, 0] = Limit(Measure.CONCURRENCY, draft.concurrency, 0)
    return tuple(found.values())


def read_grants(draft: KeyDraft, present: Key | Team | None = None) -> tuple[Grant, ...]:
    """The allowances that the draft names, which keep a present reset where it gives none; raises InvalidValue."""
    known = {allowance.id.unit: allowance for allowance in present.allowances} if present else {}
    zone = None if draft.time_zone is None else read_zone(draft.time_zone)
    reset = None if draft.reset is None else _reset(draft.reset)
    grants: list[Grant] = []
    for unit in Unit:
        value: Number | None = getattr(draft, FIELDS.get(unit, unit.value))
        if value is not None:
            before = known.get(unit) or Grant(unit, 0)
            amount = _amount(unit, Decimal(value))
            grants.append(Grant(unit, amount, reset or before.reset, before.zone if zone is None else zone))
    if (reset is not None or zone is not None) and not grants:
        hint = "Give credits, dollars, tokens or uses as well."
        raise InvalidValue("A reset period belongs to an amount.", field="reset", hint=hint)
    return tuple(grants)


def read_zone(text: str) -> str:
    """The name of a time zone that this machine knows; raises InvalidValue."""
    name = text.strip()
    try:
        if name != "UTC":
            ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        hint = "Write a name such as Europe/Berlin. If it is one, this machine lacks the table of zones, 'tzdata'."
        raise InvalidValue(f"{name[:_QUOTED_AT_MOST]!r} is no time zone.", field="time_zone", hint=hint) from None
    return name


def read_top_ups(draft: KeyDraft, now: datetime) -> tuple[TopUp, ...]:
    """The amounts of the draft, to be put on top of allowances until it expires; raises InvalidValue."""
    until = read_expiry(draft, now)
    if until is None:
        raise InvalidValue("A top-up has an end.", field="expires", hint="Name a span such as 7d, or a date.")
    grants = read_grants(draft)
    if not grants:
        raise InvalidValue("A top-up needs an amount.", field="credits", hint="Of credits, dollars, tokens or uses.")
    return tuple(TopUp(grant.unit, grant.amount, until) for grant in grants)


def read_expiry(draft: KeyDraft, now: datetime) -> datetime | None:
    """When the key ends, None for never; raises InvalidValue for what cannot be read, has passed, or is too far."""
    text = (draft.expires or NEVER).strip()
    if text.casefold() == NEVER:
        return None
    moment = _moment(text, now)
    if moment is None:
        hint = "Write a span such as 30d or 12h, a date such as 2027-12-31, or never."
        raise InvalidValue(f"{text[:_QUOTED_AT_MOST]!r} says no time.", field="expires", hint=hint)
    if moment <= now:
        raise InvalidValue(f"{moment:%Y-%m-%d %H:%M} UTC has passed.", field="expires", hint="Name a time to come.")
    if moment - now > MAX_LIFE:
        raise InvalidValue("An expiry is at most ten years away.", field="expires", hint="Or write never.")
    return moment


def read_span(text: str, field: str) -> timedelta:
    """The span that `24h`, `30d` or `0s` stands for; raises InvalidValue naming the field."""
    match = _SPAN.fullmatch(text.strip().casefold())
    if match is None:
        hint = "Write a whole number and s, m, h, d or w, such as 24h or 7d."
        raise InvalidValue(f"{text[:_QUOTED_AT_MOST]!r} is no span of time.", field=field, hint=hint)
    seconds = int(match[1]) * _SECONDS[match[2]]
    if seconds > MAX_LIFE.total_seconds():
        raise InvalidValue("A span is at most ten years.", field=field)
    return timedelta(seconds=seconds)


def _rate(name: str, amount: int) -> Limit:
    measure, window = RATES[name]
    try:
        return parse_rate(f"{amount}/{window}", measure)
    except ValueError:
        wrong = f"{measure.capitalize()} per {window} are a whole number of 1 or more, and not beyond counting."
        raise InvalidValue(wrong, field=name, hint="0 lifts the limit.") from None


def _amount(unit: Unit, value: Decimal) -> int:
    field = FIELDS.get(unit, unit.value)
    # Compared before it is scaled: 1e999999 is a valid Decimal, its product with anything is none.
    if value.is_finite() and value > MAX_AMOUNT[unit]:
        raise InvalidValue(f"A key holds at most {MAX_AMOUNT[unit]:,} {unit}.", field=field)
    try:
        return to_amount(unit, value)
    except ValueError as fault:
        raise InvalidValue(
            f"{str(value)[:_QUOTED_AT_MOST]} {unit}: {fault}.", field=FIELDS.get(unit, unit.value)
        ) from None


def _reset(text: str) -> Reset:
    try:
        return Reset(text)
    except ValueError:
        hint = f"Write one of {', '.join(Reset)}."
        raise InvalidValue(f"{text[:_QUOTED_AT_MOST]!r} is no reset period.", field="reset", hint=hint) from None


def _moment(text: str, now: datetime) -> datetime | None:
    if _SPAN.fullmatch(text.casefold()):
        return now + read_span(text, "expires")
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
