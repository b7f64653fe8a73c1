"""What `clean` deletes, and what it leaves."""

import subprocess
import sys
from pathlib import Path

from tests.rules.source import ROOT
from tools.cleaning import found


def make(root: Path, *names: str) -> None:
    """Directories, with a file in each."""
    for name in names:
        (root / name).mkdir(parents=True)
        (root / name / "file").write_text("x")


def test_only_what_tools_made_is_found(tmp_path: Path) -> None:
    """Caches, builds and reports; never state, settings, or the source."""
    make(tmp_path, "data", "src/a", "src/a/__pycache__", "__pycache__", "dist", "reports", ".ruff_cache", ".venv")
    (tmp_path / ".env").write_text("x")
    names = {path.relative_to(tmp_path).as_posix() for path in found(tmp_path, is_all=False)}
    assert names == {"src/a/__pycache__", "__pycache__", "dist", "reports", ".ruff_cache"}
    assert {path.name for path in found(tmp_path, is_all=True)} - {Path(name).name for name in names} == {".venv"}


def test_nothing_that_is_in_the_repository_is_found() -> None:
    """Whatever is deleted is also ignored by git."""
    paths = [str(path) for path in found(ROOT, is_all=True)]
    done = subprocess.run(["git", "check-ignore", *paths], cwd=ROOT, capture_output=True, text=True, check=False)
    assert sorted(done.stdout.splitlines()) == sorted(paths)


def test_an_unknown_word_deletes_nothing() -> None:
    """A slip of the fingers is told, not obeyed."""
    command = [sys.executable, "-m", "tools.cleaning", "--al"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
