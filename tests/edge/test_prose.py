"""The words of the document name what there is."""

from tollbar.domain.errors import Overloaded, RateLimited
from tollbar.domain.limits import Limit, Measure, Room
from tollbar.edge.credentials import PLACES
from tollbar.edge.headers import error_headers, limit_headers
from tollbar.edge.prose import DESCRIPTION, HEADERS, RATE_HEADERS, SECURITY, SECURITY_SCHEMES
from tollbar.edge.routes import Access


def test_every_place_of_a_key_is_named() -> None:
    """The introduction lists the headers that are read."""
    for place in PLACES:
        assert f"`{place.decode()}`" in DESCRIPTION


def test_every_class_of_access_has_its_security() -> None:
    """And every scheme it names is described."""
    assert set(SECURITY) == {access.value for access in Access}
    assert {name for choices in SECURITY.values() for choice in choices for name in choice} == set(SECURITY_SCHEMES)


def test_every_header_that_is_sent_is_described() -> None:
    """Rates and errors send no header that the document does not know."""
    rooms = [Room("k", Limit(Measure.REQUESTS, 1, 60), 1, 1), Room("k", Limit(Measure.TOKENS, 1, 60), 1, 1)]
    sent = [
        *limit_headers(rooms),
        *error_headers(RateLimited("", retry_after_seconds=1)),
        *error_headers(Overloaded("")),
    ]
    assert {name.decode() for name, _ in sent} <= set(HEADERS)
    assert {name.decode() for name, _ in limit_headers(rooms)} == set(RATE_HEADERS)
