"""The fake provider's files: it keeps what it is sent, whoever asks for it, as a provider's account does."""

import json
import re
from dataclasses import dataclass, field

from tests.upstream_scripts import Script, error

BEGINNING = "/v1/files"
_PLACE = re.compile(rf"{BEGINNING}/([^/?]+)(/content)?")


@dataclass(slots=True)
class Shelf:
    """What there is, by its id: what the provider says of it, and its bytes."""

    files: dict[str, tuple[dict[str, object], bytes]] = field(default_factory=dict)
    made: int = 0

    def answer(self, method: str, path: str, body: bytes) -> Script:
        """The answer to a request."""
        if method == "POST" and path == BEGINNING:
            return self._add(body)
        match = _PLACE.fullmatch(path)
        if match is None or match[1] not in self.files:
            return error(404, "No such File object.", code="not_found")
        document, content = self.files[match[1]]
        if match[2]:
            half = len(content) // 2
            return Script(headers=(("content-type", "text/plain"),), pieces=(content[:half], content[half:]))
        if method == "DELETE":
            del self.files[match[1]]
            document = {"id": match[1], "object": "file", "deleted": True}
        return Script(pieces=(json.dumps(document).encode(),))

    def _add(self, body: bytes) -> Script:
        self.made += 1
        name = f"file-{self.made}"
        content = body.partition(b'name="file"')[2].partition(b"\r\n\r\n")[2].partition(b"\r\n--")[0]
        document: dict[str, object] = {
            "id": name,
            "object": "file",
            "bytes": len(content),
            "created_at": self.made,
            "filename": "a.txt",
            "purpose": "batch" if b"batch" in body[-300:] or b"batch" in body[:300] else "user_data",
            "status": "processed",
        }
        self.files[name] = document, content
        return Script(pieces=(json.dumps(document).encode(),))
