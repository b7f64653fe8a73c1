"""Teams."""

from tollbar.domain.identity import Holder
from tollbar.domain.teams import INSTALLATION, PREFIX, holder_of


def test_an_id_says_what_kind_of_owner_it_is_of() -> None:
    """A key's own id is neither a team's nor the installation's."""
    told = [holder_of(owner) for owner in ("3fK9x0PqLm", PREFIX + "3fK9x0PqLm", INSTALLATION)]
    assert told == [Holder.KEY, Holder.TEAM, Holder.INSTALLATION]
