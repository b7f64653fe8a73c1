"""Where nginx comes from when the machine has none."""

import subprocess
from pathlib import Path

import pytest

from tools.nginx import UnavailableError, find_or_unpack, unpack, unpacked


def test_one_that_is_there_is_found_or_one_is_unpacked() -> None:
    """Whichever way it came, it runs; where none can be had, the reason is told."""
    try:
        nginx = find_or_unpack()
    except UnavailableError as reason:
        pytest.skip(str(reason))
    told = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=True)
    assert "nginx version" in told.stderr


def test_an_unpacked_one_is_used_again(tmp_path: Path) -> None:
    """Nothing is downloaded twice; a file that is no program is none."""
    assert unpacked(tmp_path) is None
    program = tmp_path / "usr" / "sbin" / "nginx"
    program.parent.mkdir(parents=True)
    program.write_text("")
    assert unpacked(tmp_path) is None
    program.chmod(0o755)
    assert unpacked(tmp_path) == str(program)


def test_without_debian_the_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without apt-get is told what to do, and nothing is written."""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(UnavailableError, match="install nginx"):
        unpack(tmp_path / "nginx")
    assert list(tmp_path.iterdir()) == []
