"""End users as values."""

from tollbar.domain.end_users import PREFIX
from tollbar.domain.identity import ALPHABET, Holder, Principal
from tollbar.domain.teams import holder_of


def test_their_ids_are_nobody_elses() -> None:
    """Neither a key's, which has no such character, nor a team's."""
    assert holder_of(f"{PREFIX}x") is Holder.END_USER
    assert not set(PREFIX) <= set(ALPHABET)


def test_the_ledger_names_the_first_of_them() -> None:
    """An end user of the key, or else of its team; mostly nobody."""
    told = [Principal("k", "k", end_users=ids).end_user for ids in ((), ("user_k", "user_t"), ("user_t",))]
    assert told == [None, "user_k", "user_t"]
