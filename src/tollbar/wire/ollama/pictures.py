"""What kind of picture some base64 is: Ollama sends pictures without saying so."""

_BEGINNINGS = (
    ("iVBORw0KGgo", "image/png"),
    ("/9j/", "image/jpeg"),
    ("R0lGOD", "image/gif"),
    ("UklGR", "image/webp"),
    ("Qk", "image/bmp"),
)


def media_type(data: str) -> str | None:
    """The media type by the first bytes of a picture; None for no picture that is known here."""
    return next((kind for beginning, kind in _BEGINNINGS if data.startswith(beginning)), None)
