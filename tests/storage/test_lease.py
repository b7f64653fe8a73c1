"""When a lease is low."""

from tollbar.storage.lease import LOW_WATER_CALLS, Lease


def test_a_lease_is_low_below_so_many_calls_of_its_size() -> None:
    """It depends on what a call takes; before the store was asked nobody knows."""
    lease = Lease(1, left=LOW_WATER_CALLS * 10)
    assert [lease.is_low(amount) for amount in (9, 10, 11)] == [False, True, True]
    assert not Lease(1).is_low(10)
