"""Who is taken for dead: by the watcher's own patience, whatever anybody's time of day says."""

from tollbar.storage.hearing import EXPIRY_SECONDS, Hearing

DAY = 86_400_000_000


def test_who_does_not_move_for_thirty_seconds_is_dead() -> None:
    """From the first look on, and not a moment before; whoever moves, even backwards, lives."""
    hearing = Hearing()
    assert hearing.silent([(1, 5, None), (2, 7 * DAY, None)], 100.0, None) == []
    assert hearing.silent([(1, 5, None), (2, 6 * DAY, None)], 100.0 + EXPIRY_SECONDS, None) == []
    assert hearing.silent([(1, 5, None), (2, 6 * DAY, None)], 100.1 + EXPIRY_SECONDS, None) == [1]
    assert hearing.silent([(2, 6 * DAY, None)], 100.0 + 2 * EXPIRY_SECONDS, None) == []


def test_an_old_heartbeat_says_nothing_by_itself() -> None:
    """Whoever starts does not know how right the others' clocks are: it looks for as long as any other."""
    assert Hearing().silent([(1, -40 * DAY, None)], 5.0, "here") == []


def test_who_has_the_same_slot_is_dead_at_once() -> None:
    """Its successor knows; a process without a slot has no successor."""
    assert Hearing().silent([(1, 5, "here"), (2, 5, "there"), (3, 5, None)], 5.0, "here") == [1]
    assert Hearing().silent([(1, 5, "here"), (3, 5, None)], 5.0, None) == []


def test_who_was_away_meanwhile_is_looked_at_anew() -> None:
    """What was heard before it was gone does not count against it."""
    hearing = Hearing()
    hearing.silent([(1, 5, None)], 0.0, None)
    hearing.silent([], 20.0, None)
    assert hearing.silent([(1, 5, None)], 40.0, None) == []
