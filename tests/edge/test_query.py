"""A key in the address is taken out of it before anybody can write it down."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.edge.stage import CALL_KEY, JSON, OTHER_KEY, Stage, a_stage, bearer, call
from tests.making import a_body
from tollbar.edge.application import Dispatcher
from tollbar.edge.line import Receive, Send
from tollbar.edge.middleware import RequestIds
from tollbar.edge.query import hidden_keys, hide_keys
from tollbar.edge.streaming import Endpoint
from tollbar.wire import openai_chat

pytestmark = pytest.mark.anyio


def hidden(query: bytes) -> tuple[object, list[str]]:
    """What is left of a query string, and the keys that were in it."""
    scope: dict[str, object] = {"query_string": query}
    hide_keys(scope)
    return scope["query_string"], list(hidden_keys(scope))


@pytest.mark.parametrize(
    ("query", "left", "keys"),
    [
        (b"", b"", []),
        (b"message=hi&tokens=5", b"message=hi&tokens=5", []),
        (b"api_key=abc", b"", ["abc"]),
        (b"message=a%20b&api_key=abc&tokens=5", b"message=a%20b&tokens=5", ["abc"]),
        (b"api_key=a&api_key=b", b"", ["a", "b"]),
        (b"api%5Fkey=a%2Bb", b"", ["a+b"]),
        (b"api_key", b"", [""]),
        (b"api_key=%ff", b"", ["\ufffd"]),
        (b"my_api_key=abc&api_keys=x", b"my_api_key=abc&api_keys=x", []),
    ],
)
def test_keys_are_taken_out(query: bytes, left: bytes, keys: list[str]) -> None:
    """However the name is written; what else is asked for stays as it came."""
    assert hidden(query) == (left, keys)


@given(st.text("abk_=&%20", max_size=30), st.text("xyz", min_size=4, max_size=9))
def test_no_key_is_left(noise: str, secret: str) -> None:
    """Wherever it stands."""
    left, keys = hidden(f"{noise}&api_key={secret}&{noise}".encode())
    assert secret in keys
    assert secret.encode() not in bytes(left) if isinstance(left, bytes) else False


async def a_response_route(reads: bool) -> tuple[Stage, Any]:
    """A stage with a route that may read a key in its address."""
    stage = await a_stage()

    async def control(scope: Any, receive: Receive, send: Send) -> None:
        """Nothing else is asked for."""

    endpoint = Endpoint(stage.scene.gateway, openai_chat.DIALECT, reads_query_key=reads)
    return stage, RequestIds(Dispatcher({("POST", "/response"): endpoint}, (), control), stage.scene.clock.now())


@pytest.mark.parametrize(
    ("reads", "query", "headers", "status"),
    [
        (True, f"api_key={CALL_KEY}", (), 200),
        (True, f"api_key={CALL_KEY}", (bearer(CALL_KEY),), 200),
        (True, f"api_key={CALL_KEY}&api_key={CALL_KEY}", (), 200),
        (True, f"api_key={CALL_KEY}", (bearer(OTHER_KEY),), 401),
        (True, f"api_key={CALL_KEY}&api_key={OTHER_KEY}", (), 401),
        (True, "api_key=wrong", (), 401),
        (True, "api_key=", (), 401),
        (False, f"api_key={CALL_KEY}", (), 401),
        (False, "api_key=wrong", (bearer(CALL_KEY),), 200),
    ],
)
async def test_a_key_in_the_address_opens_what_a_setting_lets_it(
    reads: bool, query: str, headers: tuple[tuple[bytes, bytes], ...], status: int
) -> None:
    """Equal keys in two places are fine, different ones are not; where it is not read it does not count."""
    _, application = await a_response_route(reads)
    body = (a_body(),)
    caller = call(application, "POST", "/response", (*headers, JSON), body, query_string=query.encode())
    assert (await caller.answer()).status == status


async def test_the_server_s_own_scope_has_no_key_any_more() -> None:
    """Its access log is written from there when the answer begins."""
    _, application = await a_response_route(reads=True)
    query = f"api_key={CALL_KEY}&x=1".encode()
    caller = call(application, "POST", "/response", (JSON,), (a_body(),), query_string=query)
    assert (await caller.answer()).status == 200
    assert caller._scope["query_string"] == b"x=1"


def test_googles_name_for_it_is_hidden_where_googles_clients_ask() -> None:
    """And is nothing anywhere else."""
    for path in ("/v1beta/models", "/v1/models/a:generateContent"):
        scope: dict[str, object] = {"query_string": b"key=abc&alt=sse&api_key=d", "path": path}
        hide_keys(scope)
        assert (scope["query_string"], list(hidden_keys(scope))) == (b"alt=sse", ["abc", "d"])
    scope = {"query_string": b"key=abc", "path": "/response"}
    hide_keys(scope)
    assert (scope["query_string"], list(hidden_keys(scope))) == (b"key=abc", [])
