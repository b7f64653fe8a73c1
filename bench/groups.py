"""Tools that few people need: each group is installed when it is first used, by hash, in a folder of its own.

A group lies beside the environment and not in it, because its packages change what they are imported into: Locust
brings a plugin for pytest that replaces sockets; or because it is large: PyTorch.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = Path(sys.executable).with_name("uv.exe" if os.name == "nt" else "uv")
GROUPS = ("load", "profile", "transformers")
# What of a group pip installs, not uv: it knows where people keep files that are in no common index.
BY_PIP = {"transformers": "torch"}


PIP_OPTIONS = (
    "-qq",
    "--disable-pip-version-check",
    "--no-deps",
    "--no-compile",
    "--require-hashes",
    "--only-binary=:all:",
)


class InstallationError(RuntimeError):
    """A group could not be installed; the lines before say why."""


def folder_of(group: str, root: Path = ROOT, groups: Path = Path(sys.prefix, "groups")) -> Path:
    """Where a group's packages lie, or will: another place for each state of its lock."""
    locks = b"".join(lock.read_bytes() for lock in _locks(group, root))
    return groups / f"{group}-{hashlib.sha256(locks).hexdigest()[:12]}"


def is_provided(group: str) -> bool:
    """Whether a group is installed already."""
    return (folder_of(group) / "installed").exists()


def provide(group: str, root: Path = ROOT, groups: Path = Path(sys.prefix, "groups")) -> Path:
    """The folder of a group's packages, installed as `requirements/GROUP.txt` locks them; raises InstallationError."""
    folder = folder_of(group, root, groups)
    finished = folder / "installed"
    if not finished.exists():
        sys.stderr.write(f"Installing what {group!r} needs …\n")
        shutil.rmtree(folder, ignore_errors=True)  # what an attempt before this one left
        lock, *others = _locks(group, root)
        for other in others:  # first: it is what may not be had here
            _install([sys.executable, "-m", "pip", "install", *PIP_OPTIONS, "--target", str(folder)], other)
        options = ["--quiet", "--system-certs", "--no-deps", "--require-hashes", "--python", sys.executable]
        _install([UV, "pip", "install", *options, "--target", str(folder)], lock)
        finished.touch()
    return folder


def _locks(group: str, root: Path) -> list[Path]:
    names = [group, *filter(None, [BY_PIP.get(group)])]
    return [root / "requirements" / f"{name}.txt" for name in names]


def _install(command: Sequence[str | Path], lock: Path) -> None:
    if subprocess.run([*command, "--requirement", lock], check=False).returncode:
        raise InstallationError(f"requirements/{lock.name} could not be installed.")


def environment(folder: Path) -> dict[str, str]:
    """The environment in which this Python finds a group's packages, before its own."""
    path = os.pathsep.join([str(folder), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}


def program(folder: Path, name: str) -> str:
    """A program that came with a group."""
    return str(folder / "bin" / (f"{name}.exe" if os.name == "nt" else name))
