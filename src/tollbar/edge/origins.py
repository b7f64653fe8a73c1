"""The sites whose pages may have their visitors' browsers call, and what is refused of all others."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tollbar.domain.errors import NotAllowed

ANY_ORIGIN = "*"


@dataclass(frozen=True, slots=True)
class Origins:
    """`https://app.example` and their like, or any page at all."""

    named: frozenset[bytes] = frozenset()
    is_any: bool = False

    @classmethod
    def of(cls, texts: Collection[str]) -> "Origins":
        """What the setting lists; `*` is any."""
        return cls(frozenset(text.encode() for text in texts), ANY_ORIGIN in texts)

    def allow(self, origin: bytes | None) -> bool:
        """Whether pages of an origin may call; None is one that the browser does not tell."""
        return self.is_any or origin in self.named


NO_ORIGIN = Origins()
"""No page of another site may call."""


def refuse_cross_site(headers: Sequence[tuple[bytes, bytes]], origins: Origins) -> None:
    """Raises NotAllowed for what a browser sends on behalf of another site's page that may not call.

    For callers without a key: whoever brings a key, the page must have been given it. Programs do not send the header.
    """
    fields = dict(headers)
    if fields.get(b"sec-fetch-site") == b"cross-site" and not origins.allow(fields.get(b"origin")):
        hint = "Send an API key, or name the site under 'cors.origins'."
        raise NotAllowed("Pages of other sites may not call this gateway without an API key.", hint=hint)
