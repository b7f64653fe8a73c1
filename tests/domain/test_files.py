"""Files at providers."""

from tollbar.domain.files import KeptFile


def test_a_file_is_its_keys() -> None:
    """The same id under another key is another file."""
    assert KeptFile("a", "file-1", "openai", b"{}") != KeptFile("b", "file-1", "openai", b"{}")
