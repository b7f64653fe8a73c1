"""How the tools that few people need are installed beside the environment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.groups import GROUPS, InstallationError, environment, program, provide
from tests.rules.source import ROOT


def test_each_group_has_a_lock_and_a_reason_to_be() -> None:
    """What may be asked for can be installed."""
    assert [group for group in GROUPS if not (ROOT / "requirements" / f"{group}.txt").is_file()] == []


@pytest.mark.timeout(180)  # the first run installs the group
def test_a_group_is_installed_once_and_beside_the_environment() -> None:
    """The second time costs nothing; this very process, which the group is not for, does not see it."""
    folder = provide("profile")
    stamp = folder / "installed"
    before = stamp.stat().st_mtime_ns
    assert (provide("profile"), stamp.stat().st_mtime_ns) == (folder, before)
    assert Path(program(folder, "py-spy")).is_file()
    look = [sys.executable, "-c", "import memray"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    assert subprocess.run(look, env=environment(folder), check=False).returncode == 0
    assert subprocess.run(look, env={"PATH": os.environ["PATH"]}, check=False, **quiet).returncode == 1


def test_a_group_that_cannot_be_installed_leaves_no_stamp(tmp_path: Path) -> None:
    """A package whose hash is another: an error, and the next run tries again."""
    lock = tmp_path / "requirements" / "broken.txt"
    lock.parent.mkdir()
    lock.write_text(f"colorama==0.4.6 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(InstallationError, match=r"requirements/broken\.txt"):
        provide("broken", tmp_path, tmp_path / "groups")
    assert list((tmp_path / "groups").rglob("installed")) == []
