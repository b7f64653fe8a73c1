"""Addresses at which clients look for what Tollbar does not do yet: they are told so, and what to do instead."""

import re

from tollbar.domain.errors import NotServed

_PLACES = (
    (
        re.compile(r"(/v1)?/realtime(/.*)?", re.DOTALL),
        "The realtime API is not served yet.",
        "Stream from /v1/chat/completions or /v1/responses.",
    ),
    (
        re.compile(r"(/v1)?/mcp(/.*)?", re.DOTALL),
        "The Model Context Protocol is not served yet.",
        "Connect your client to its MCP servers directly.",
    ),
    (
        re.compile(r"(/v1)?/responses/[^/]+/cancel"),
        "Only a response that is made in the background can be cancelled, and none is here.",
        "Close the connection of a call to end it.",
    ),
)


def unserved(path: str) -> NotServed | None:
    """What somebody who asks at an address without a row is told; None where nobody would look for anything."""
    for place, message, hint in _PLACES:
        if place.fullmatch(path):
            return NotServed(message, hint=hint)
    return None
