"""aimock, an independent imitation of many providers (npm), started for the tests that want a second opinion.

It is installed beside the environment when it is first needed, as its lock says; where there is no Node, no npm or no
way to get it, the tests that need it are skipped and say why.
"""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

HERE = Path(__file__).parent
PLACE = Path(sys.prefix) / "aimock"
COMMAND = PLACE / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
START_SECONDS = 20.0
INSTALL_SECONDS = 120.0


@contextmanager
def aimock() -> Iterator[str]:
    """The address of a server of its own; it answers as `answers.json` says."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("aimock needs Node, which is not installed here")
    _install()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    answers = str(HERE / "answers.json")
    command = [node, str(COMMAND), "-p", str(port), "-f", answers, "--strict", "--log-level", "warn"]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, cwd=PLACE, stdout=subprocess.DEVNULL) as process:
        try:
            _wait(f"{url}/health", process)
            yield url
        finally:
            process.terminate()
            process.wait(10)


def _install() -> None:
    """Installs what the lock says, once for each lock."""
    lock = (HERE / "package-lock.json").read_bytes()
    stamp = PLACE / "installed.json"
    if stamp.exists() and stamp.read_bytes() == lock and COMMAND.exists():
        return
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("aimock needs npm, which is not installed here")
    PLACE.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(HERE / name, PLACE / name)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        subprocess.run(command, cwd=PLACE, check=True, capture_output=True, timeout=INSTALL_SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as fault:
        pytest.skip(f"aimock could not be installed: {fault}")
    stamp.write_bytes(lock)


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    began = time.monotonic()
    while process.poll() is None and time.monotonic() - began < START_SECONDS:
        try:
            with urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError("aimock did not start")
