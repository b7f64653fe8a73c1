"""A secret value: it can be used, and cannot be printed by accident."""

from dataclasses import dataclass, field

MASK = "***"


@dataclass(frozen=True, slots=True)
class Secret:
    """Text that shows as `***` wherever it is printed or formatted; `reveal()` gives it to who must send it."""

    text: str = field(repr=False)

    def reveal(self) -> str:
        """The secret itself, for the one place that needs it."""
        return self.text

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK
