"""Finds nginx, or unpacks Debian's package of it into `.venv`. Changes nothing outside, and starts nothing."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

UNPACKED = Path(__file__).resolve().parent.parent / ".venv" / "nginx"
# Debian 12 and Ubuntu 24.04 keep the program in `nginx`, older ones in `nginx-light`.
PACKAGES = ("nginx", "nginx-light")
SECONDS_TO_DOWNLOAD = 120


class UnavailableError(RuntimeError):
    """There is no nginx here, and none could be had; says why."""


def find_or_unpack() -> str:
    """The path of an nginx that runs; raises UnavailableError."""
    # It often lies outside the PATH of people who are not root.
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin") or unpacked(UNPACKED)
    return found or unpack(UNPACKED)


def unpacked(folder: Path) -> str | None:
    """The nginx that an earlier run unpacked."""
    program = folder / "usr" / "sbin" / "nginx"
    return str(program) if os.access(program, os.X_OK) else None


def unpack(folder: Path) -> str:
    """Downloads Debian's package and takes the program out of it; raises UnavailableError."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise UnavailableError("nginx is not installed, and this is no Debian to download it from: install nginx")
    # Only root may fetch the list of packages, which a fresh container lacks.
    attempts = [None, *([("apt-get", "-qq", "update")] if is_root() else [])]
    said = ""
    for preparation in attempts:
        if preparation:
            said = _run(preparation, Path("/"))
        for package in PACKAGES:
            with tempfile.TemporaryDirectory() as scratch:
                said = _run(("apt-get", "-qq", "download", package), Path(scratch))
                for file in Path(scratch).glob("*.deb"):
                    said = _run(("dpkg-deb", "--extract", str(file), str(folder)), Path(scratch))
            if found := unpacked(folder):
                return found
    raise UnavailableError(f"nginx is not installed and could not be downloaded: {said.strip() or 'no reason given'}")


def is_root() -> bool:
    """Whether this process may do everything."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _run(command: tuple[str, ...], folder: Path) -> str:
    """Runs a command in a folder; gives what it complained about."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS_TO_DOWNLOAD, check=False)
    return done.stderr
