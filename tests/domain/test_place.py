"""A place in a queue."""

from tollbar.domain.place import Place


def test_a_call_that_never_waited() -> None:
    """It stood nowhere, for no time, until somebody says otherwise."""
    place = Place()
    assert (place.position, place.seconds) == (0, 0.0)
    place.position, place.seconds = 3, 1.5
    assert place == Place(3, 1.5)
