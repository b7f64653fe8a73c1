"""What brings alerts to their webhook, against a real server."""

import pytest

from tests.providers.transport.test_fetching import reply, serving
from tollbar.domain.errors import UpstreamError, UpstreamFailed
from tollbar.providers.transport.fetching import Fetcher
from tollbar.providers.webhooks import Webhooks

pytestmark = pytest.mark.anyio


async def test_a_message_arrives_and_redirects_are_not_followed() -> None:
    """With its headers, as JSON; what the server answers is told, whatever it is."""
    async with serving() as server, Fetcher(silence_seconds=5) as fetcher:
        server.answers = {
            "/in": reply(204, connection="close"),
            "/away": reply(307, location=f"{server.url}/in", connection="close"),
        }
        webhooks = Webhooks(fetcher)
        headers = {"webhook-id": "alert_1"}
        assert await webhooks.post(f"{server.url}/in", headers, b"{}") == 204
        assert await webhooks.post(f"{server.url}/away", headers, b"{}") == 307
        assert [head.split()[:2] for head in server.heads] == [["POST", "/in"], ["POST", "/away"]]
        assert server.header("webhook-id") == ["alert_1", "alert_1"]
        assert server.header("content-type") == ["application/json"] * 2


@pytest.mark.parametrize("url", ["http://169.254.169.254/x", "http://[fd00:ec2::254]/x", "https://a@b/x", "nothing"])
async def test_where_nothing_is_sent(url: str) -> None:
    """The machine's own credentials stay where they are, however the address is written."""
    async with Fetcher(silence_seconds=5) as fetcher:
        with pytest.raises(UpstreamFailed, match="address"):
            await Webhooks(fetcher).post(url, {}, b"{}")


async def test_nobody_is_there() -> None:
    """It is told as any other failure to reach somebody is."""
    async with Fetcher(silence_seconds=5) as fetcher:
        with pytest.raises(UpstreamError):
            await Webhooks(fetcher).post("http://127.0.0.1:1/x", {}, b"{}")
