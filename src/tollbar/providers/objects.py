"""Things that a provider keeps for callers, each at an address of its own: files, and responses.

One attempt; nothing is sent again that may have been taken.
"""

from io import BufferedReader

from tollbar.domain.catalogue import Timeouts
from tollbar.providers.faults import Peer
from tollbar.providers.transport import Answer, Transport, endpoint
from tollbar.providers.vendors import Instance


class Objects:
    """`ports.Storehouse` over OpenAI's addresses."""

    def __init__(self, instance: Instance, transport: Transport) -> None:
        self._peer = Peer(instance.name, instance.credential, instance.api_key)
        self._instance = instance
        self._transport = transport

    def ask(self, method: str, path: str, body: bytes | BufferedReader = b"", content_type: str = "") -> Answer:
        """See the port."""
        headers = {**self._instance.headers, "Accept": "*/*"}
        if content_type:
            headers["Content-Type"] = content_type
        to = endpoint(self._peer, f"{self._instance.base_url}{path}", headers, self._instance.query)
        return self._transport.send(method, to, Timeouts(), body)
