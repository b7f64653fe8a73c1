"""How the command line writes: aligned columns, amounts and times as people say them, exact JSON for programs.

Nothing here knows a command. Text that came from outside is shown with its control characters escaped, so that a name
cannot speak to the terminal.
"""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import typer

from tollbar.domain.identity import Allowance, Grant, Key, Reset
from tollbar.domain.limits import WINDOW_SECONDS, Limit, Measure
from tollbar.domain.money import Unit, to_decimal

GAP = "  "
_DECIMAL = "\0"
_MARKED = re.compile(r'"\\u0000([0-9.E+-]+)"')
# A count of a unit is shown up to its bound; what is more is counted in the next.
_STEPS = ((1, "second", 60), (60, "minute", 60), (3_600, "hour", 24), (86_400, "day", 60))


def say(text: str = "") -> None:
    """Writes a line to standard output: what was asked for."""
    typer.echo(text)


def note(text: str) -> None:
    """Writes a line to standard error: what a person may want to know beside it."""
    typer.echo(text, err=True)


def complain(message: str, hint: str = "") -> None:
    """Writes an error to standard error, with its remedy below."""
    note(f"tollbar: {clean(message)}")
    if hint:
        note(f"  {clean(hint)}")


def say_json(value: object) -> None:
    """Writes a value as JSON. Decimals are written as numbers, exactly."""
    text = json.dumps(value, default=_plain, indent=2, ensure_ascii=False)
    say(_MARKED.sub(r"\1", text))


def say_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Writes rows under their heads, each column as wide as its widest cell; columns without content are left out."""
    cells = [[clean(cell) for cell in row] for row in rows]
    kept = [index for index in range(len(heads)) if any(row[index] for row in cells)]
    table = [[heads[index].upper() for index in kept], *([row[index] for index in kept] for row in cells)]
    widths = [max(len(row[column]) for row in table) for column in range(len(kept))]
    for row in table:
        say(GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def say_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Writes names and values in two columns, leaving out what has no value."""
    present = [(name, clean(value)) for name, value in pairs if value]
    width = max((len(name) for name, _ in present), default=0)
    for name, value in present:
        say(f"{name.ljust(width)}{GAP}{value}")


def clean(text: str) -> str:
    """The text on one line, without anything that a terminal would obey."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def shown(text: str) -> str:
    """Text of several lines: as it is for a program, and on a terminal without anything that it would obey."""
    if not sys.stdout.isatty():
        return text
    return "".join(character if character in "\n\t" else clean(character) for character in text)


def amount(unit: Unit, value: int) -> str:
    """`$1.25`, `5 credits`, `100,000 tokens`; dollars with two decimals, and more only where there are more."""
    sign, value = ("-", -value) if value < 0 else ("", value)
    if unit is Unit.DOLLARS:
        whole, _, decimals = f"{to_decimal(unit, value):,.9f}".partition(".")
        return f"{sign}${whole}.{decimals.rstrip('0').ljust(2, '0')}"
    return f"{sign}{value:,} {unit.value[:-1] if value == 1 else unit.value}"


def allowance(standing: Allowance) -> str:
    """`$8.75 of $10.00 left this month, $0.10 held`, `4 of 5 credits left today`; the time zone if it is not UTC."""
    unit = standing.id.unit
    left = amount(unit, standing.left) if unit is Unit.DOLLARS else f"{standing.left:,}"
    text = f"{left} of {amount(unit, standing.granted)} left"
    if standing.reset is not Reset.NEVER:
        text += " today" if standing.reset is Reset.DAY else f" this {standing.reset}"
        text += f" ({standing.zone})" if standing.zone != "UTC" else ""
    if standing.top_up is not None:
        text += f", {amount(unit, standing.top_up.amount)} of it until {standing.top_up.until:%Y-%m-%d %H:%M} UTC"
    return f"{text}, {amount(unit, standing.held)} held" if standing.held else text


def grants(given: Sequence[Grant]) -> str:
    """`5 credits, $1.00 a month`; `nothing`."""
    periods = (f" a {one.reset}" if one.reset is not Reset.NEVER else "" for one in given)
    return ", ".join(f"{amount(one.unit, one.amount)}{period}" for one, period in zip(given, periods, strict=True)) or (
        "nothing of their own"
    )


def limit(value: Limit) -> str:
    """`60 requests/minute`, `4 at once`."""
    if value.measure is Measure.CONCURRENCY:
        return f"{value.amount:,} at once"
    windows = {seconds: name for name, seconds in WINDOW_SECONDS.items()}
    return f"{value.amount:,} {value.measure}/{windows.get(value.window_seconds, f'{value.window_seconds} seconds')}"


def relative(moment: datetime, now: datetime) -> str:
    """`in 3 days`, `2 hours ago`, `just now`; beyond two months the date."""
    seconds = (moment - now).total_seconds()
    if abs(seconds) < 1:
        return "just now"
    for length, word, bound in _STEPS:
        count = round(abs(seconds) / length)
        if count < bound:
            span = f"{count} {word}{'' if count == 1 else 's'}"
            return f"in {span}" if seconds > 0 else f"{span} ago"
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def moment(value: datetime | None, now: datetime) -> str:
    """A moment in full and relative, for one key's page; empty for none."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC ({relative(value, now)})" if value else ""


def state(key: Key, now: datetime) -> str:
    """`active`, `expired` or `revoked`."""
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "active"


def span(value: timedelta) -> str:
    """`24 hours`, `7 days`, `90 seconds`."""
    seconds = int(value.total_seconds())
    length, word = next(
        (length, word)
        for length, word in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
        if seconds % length == 0 and (seconds > length or length == 1)
    )
    return f"{seconds // length} {word}{'' if seconds == length else 's'}"


def _plain(value: object) -> object:
    match value:
        case Decimal() if value == value.to_integral_value():
            return int(value)
        case Decimal():
            return f"{_DECIMAL}{value}"
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} has no form in JSON")
