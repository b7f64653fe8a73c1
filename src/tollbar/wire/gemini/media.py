"""What kind of content lies at an address, or goes by a short name: Google wants the media type of everything."""

from urllib.parse import urlsplit

_BY_SUFFIX = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "csv": "text/csv",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
}


def image_type(url: str) -> str:
    """The type of a picture, by the end of its address; JPEG where that says nothing."""
    found = _by_suffix(url)
    return found if found.startswith("image/") else "image/jpeg"


def file_type(url: str) -> str:
    """The type of a document, by the end of its address; PDF where that says nothing."""
    found = _by_suffix(url)
    return found if found and not found.startswith("image/") else "application/pdf"


def audio_type(name: str) -> str:
    """The type of sound in a format such as `wav`."""
    return f"audio/{name}"


def _by_suffix(url: str) -> str:
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    return _BY_SUFFIX.get(path.rpartition(".")[2].lower(), "")
