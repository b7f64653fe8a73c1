"""The section on alerts: thresholds of allowances, and who is told when one is reached."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field

from tollbar.settings.fields import Frozen, SecretText, Section, WebAddress, setting

Percent = Annotated[int, Field(ge=1, le=1_000)]
Percents = Annotated[
    tuple[Percent, ...], BeforeValidator(lambda value: (value,) if isinstance(value, int | str) else value)
]


class Alerts(Section):
    """Who is told that an allowance is nearly used up."""

    at: Percents = setting(
        (),
        "The thresholds of every allowance that has none of its own, in per cent of what is granted: [80, 100].",
        unit="per cent",
    )
    keys: Annotated[Mapping[str, Percents], Frozen] = setting(
        dict,
        "The same for every allowance of one key, by the key's name: {ana: [50, 90]}, or [] for none. It wins over "
        "`at`; and what is set here is not changed by command or API.",
    )
    teams: Annotated[Mapping[str, Percents], Frozen] = setting(
        dict, "The same of a team, by its name; `installation` is everybody's."
    )
    url: WebAddress | None = setting(
        None, "The webhook that alerts are sent to. Without it the one that was set by command or API, if there is one."
    )
    secret: SecretText | None = setting(
        None, "What alerts to that webhook are signed with: `whsec_` and 24 to 64 bytes in base64."
    )
