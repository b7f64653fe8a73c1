"""The values of models on this machine."""

from tollbar.domain.local_models import RemoteFile


def test_a_file_is_known_by_its_last_part_and_its_checksum() -> None:
    """Whatever folder of the repository it lies in, and whichever checksum it has."""
    assert RemoteFile("a/b/c.gguf", 1).name == "c.gguf"
    assert RemoteFile("c.gguf", 1, sha256="x", blob_id="y").checksum == "x"
    assert (RemoteFile("c", 1, blob_id="y").checksum, RemoteFile("c", 1).checksum) == ("y", "")
