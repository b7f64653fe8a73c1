"""What a document is called that has no name: OpenAI refuses one without."""

_SUFFIXES = {
    "application/pdf": "pdf",
    "text/plain": "txt",
    "text/markdown": "md",
    "text/html": "html",
    "text/csv": "csv",
    "application/json": "json",
}


def usual_name(media_type: str) -> str:
    """A name by which its kind is known."""
    suffix = _SUFFIXES.get(media_type.partition(";")[0].strip().lower())
    return f"document.{suffix}" if suffix else "document"
