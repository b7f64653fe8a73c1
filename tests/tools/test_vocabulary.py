"""The vocabulary made anew from its package."""

import base64
import io
import tarfile
from pathlib import Path

import pytest

from tollbar.providers.tokens.vocabulary import unpacked
from tools import vocabulary
from tools.vocabulary import MEMBER, OtherVocabularyError, lines, main, packed


def package(directory: Path, module: bytes) -> Path:
    """A package of npm with a module of ranks."""
    path = directory / "js-tiktoken.tgz"
    with tarfile.open(path, "w") as packed:
        member = tarfile.TarInfo(MEMBER)
        member.size = len(module)
        packed.addfile(member, io.BytesIO(module))
    return path


def module_of(tokens: bytes) -> bytes:
    """The lines of a vocabulary as the package has them: many tokens to a line, with the rank of the first."""
    found = [line.split()[0].decode() for line in tokens.splitlines()]
    rows = [f"! {start} {' '.join(found[start : start + 9_000])}" for start in range(0, len(found), 9_000)]
    return ('export default {"bpe_ranks":"' + "\\n".join(rows) + '"};').encode()


def test_each_token_has_its_rank() -> None:
    """Those of a line are counted from its first."""
    a, b = base64.b64encode(b"a").decode(), base64.b64encode(b"b").decode()
    told = f'export default {{"pat_str":"x","bpe_ranks":"! 0 {a} {b}\\n! 2 {b}"}};'
    assert list(lines(told)) == [f"{a} 0\n".encode(), f"{b} 1\n".encode(), f"{b} 2\n".encode()]


def test_the_vocabulary_comes_out_of_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """To the byte; any other is refused, and nothing written."""
    ours, shipped = unpacked(), tmp_path / "o200k_base.xz"
    monkeypatch.setattr(vocabulary, "SHIPPED", shipped)
    assert vocabulary.vocabulary(package(tmp_path, module_of(ours))) == ours
    with pytest.raises(OtherVocabularyError):
        main([str(package(tmp_path, module_of(ours[:1_000])))])
    assert (main([]), shipped.exists()) == (2, False)
    assert vocabulary.USAGE in capsys.readouterr().err
    assert len(packed(b"x" * 1_000)) < 200
