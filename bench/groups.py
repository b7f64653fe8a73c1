"""Tools that few people need: each group is installed when it is first used, by hash, in a folder of its own.

A group lies beside the environment and not in it, because its packages change what they are imported into: Locust
brings a plugin for pytest that replaces sockets.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = Path(sys.executable).with_name("uv.exe" if os.name == "nt" else "uv")
GROUPS = ("load", "profile")


class InstallationError(RuntimeError):
    """A group could not be installed; the lines before say why."""


def provide(group: str, root: Path = ROOT, groups: Path = Path(sys.prefix, "groups")) -> Path:
    """The folder of a group's packages, installed as `requirements/GROUP.txt` locks them; raises InstallationError."""
    lock = root / "requirements" / f"{group}.txt"
    folder = groups / f"{group}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    finished = folder / "installed"
    if not finished.exists():
        sys.stderr.write(f"Installing what {group!r} needs …\n")
        options = ["--quiet", "--system-certs", "--require-hashes", "--python", sys.executable, "--target", str(folder)]
        if subprocess.run([UV, "pip", "install", *options, "--requirement", lock], check=False).returncode:
            raise InstallationError(f"requirements/{group}.txt could not be installed.")
        finished.touch()
    return folder


def environment(folder: Path) -> dict[str, str]:
    """The environment in which this Python finds a group's packages, before its own."""
    path = os.pathsep.join([str(folder), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}


def program(folder: Path, name: str) -> str:
    """A program that came with a group."""
    return str(folder / "bin" / (f"{name}.exe" if os.name == "nt" else name))
