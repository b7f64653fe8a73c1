"""Requests that another site's page could cause are refused; a person's own are not."""

import pytest

from tollbar.domain.errors import NotAllowed
from tollbar.edge.browsers import refuse_foreign

PUBLIC = "https://llm.example.org:8443/base"


@pytest.mark.parametrize(
    "host",
    [
        *(b"127.0.0.1", b"127.0.0.1:8000", b"localhost", b"LOCALHOST:8000", b"192.0.2.7:80", b"[::1]:8000"),
        *(b"[2001:db8::1]", b"llm.example.org:8443", b"LLM.example.org:8443"),
    ],
)
def test_names_that_nobody_else_can_point_here_pass(host: bytes) -> None:
    """Literal addresses, localhost, and the name that is set."""
    refuse_foreign([(b"host", host)], PUBLIC)


@pytest.mark.parametrize(
    "host",
    [
        *(b"llm.example.org", b"rebound.example", b"localhost.example", b"127.0.0.1.example", b"127.0.0.1@evil"),
        *(b"", b"evil:127.0.0.1", b"llm.example.org:8443.evil", b"1.2.3", b"[::1].evil"),
    ],
)
def test_other_names_are_refused(host: bytes) -> None:
    """A page can point its own name here and let the browser ask; the remedy is named."""
    with pytest.raises(NotAllowed) as refused:
        refuse_foreign([(b"host", host)], PUBLIC)
    assert "server.public_url" in refused.value.hint


def test_a_request_without_a_host_is_no_browsers() -> None:
    """HTTP/1.0; but two hosts are one too many."""
    refuse_foreign([], None)
    with pytest.raises(NotAllowed):
        refuse_foreign([(b"host", b"localhost"), (b"host", b"localhost")], None)


@pytest.mark.parametrize(
    ("name", "value", "passes"),
    [
        (b"sec-fetch-site", b"none", True),
        (b"sec-fetch-site", b"same-origin", True),
        (b"sec-fetch-site", b"cross-site", False),
        (b"sec-fetch-site", b"same-site", False),
        (b"sec-purpose", b"prefetch", False),
        (b"sec-purpose", b"prefetch;prerender", False),
        (b"sec-fetch-mode", b"navigate", True),
    ],
)
def test_what_a_browser_says_of_a_request_is_believed(name: bytes, value: bytes, passes: bool) -> None:
    """It comes from this site or from the person, and is no guess at what the person does next."""
    headers = [(b"host", b"localhost"), (name, value)]
    if passes:
        refuse_foreign(headers, None)
        return
    with pytest.raises(NotAllowed):
        refuse_foreign(headers, None)
