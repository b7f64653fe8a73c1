"""Files that callers have put at a provider: whose each is, and where it lies."""

from typing import NamedTuple


class KeptFile(NamedTuple):
    """One file. It belongs to the key that it came with; `document` is what the provider said of it then, as JSON."""

    key_id: str
    id: str
    provider: str
    document: bytes
