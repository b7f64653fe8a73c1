"""The command `tollbar` as it is installed."""

import subprocess
import sys
from pathlib import Path

from tollbar import __version__

PROGRAM = Path(sys.executable).with_name("tollbar")


def test_it_is_installed_and_knows_its_version() -> None:
    """`tollbar --version` writes the version and nothing else."""
    done = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"{__version__}\n", "")


def test_help_waits_for_nothing() -> None:
    """Help imports no server, no store, no settings, and nothing to colour tracebacks with."""
    heavy = ("fastapi", "sqlalchemy", "sqlite3", "aiohttp", "yaml", "rich.console", "cryptography")
    script = f"""
import atexit, sys
sys.argv = ["tollbar", "keys", "--help"]
atexit.register(lambda: sys.stderr.write(" ".join(name for name in {heavy!r} if name in sys.modules)))
from tollbar.cli.__main__ import main
main()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ("Usage: tollbar keys" in done.stdout, done.stderr) == (True, "")
