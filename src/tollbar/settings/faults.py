"""What is wrong with the settings, all at once, each fault with its place, its key and its remedy."""

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. `place` is a file with its line, or `environment`; `key` what is set there."""

    place: str
    key: str
    wrong: str
    remedy: str = ""

    def __str__(self) -> str:
        subject = f"{self.key} " if self.key else ""
        sentence = f"{self.place}: {subject}{self.wrong}".rstrip(".")
        return f"{sentence}. {self.remedy}".rstrip()


class SettingsError(Exception):
    """The settings cannot be used. `faults` holds everything that was found wrong, in the order of the sources."""

    def __init__(self, faults: Collection[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


def nearest(name: str, valid: Collection[str], cutoff: float = 0.6) -> str | None:
    """The valid name that `name` was most likely meant to be; None when none is as near as `cutoff` (0 to 1)."""
    by_folded = {candidate.casefold(): candidate for candidate in valid}
    matches = get_close_matches(name.casefold(), by_folded, n=1, cutoff=cutoff)
    return by_folded[matches[0]] if matches else None


def suggest(name: str, valid: Collection[str]) -> str:
    """The remedy for an unknown name: the nearest valid one, else the valid ones, else nothing."""
    near = nearest(name, valid)
    if near:
        return f"Did you mean {near}?"
    return f"Known here: {', '.join(sorted(valid))}." if 0 < len(valid) <= 12 else ""
