"""A Tollbar that answers from its guide, for as long as a block runs: what is driven where no other server is named."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 60.0
STOP_SECONDS = 30.0
MODEL = "tollbar-guide"
OWN = re.compile(r"(TOLLBAR_|LLM_|API_|DEFAULT_).*|PORT|ENV|DEBUG|x_api_key|ADMIN_SECRET|.*_API_KEY|.*_BASE_URL")
"""What would make it another server than the plain one."""


@dataclass(frozen=True, slots=True)
class Served:
    """A server: where it is, a key for it, and its process where it is ours."""

    url: str
    key: str
    process: "subprocess.Popen[bytes] | None" = None


@contextmanager
def served(
    folder: Path, prefix: Sequence[str] = (sys.executable,), environment: Mapping[str, str] | None = None
) -> Iterator[Served]:
    """Starts `tollbar serve` in a folder; `prefix` runs a module, and may be another program around Python."""
    variables = {name: value for name, value in (environment or os.environ).items() if not OWN.fullmatch(name)}
    key = make_key(folder, variables)
    command = [*prefix, "-m", "tollbar.cli", "serve", "--port", "0"]
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=out, stderr=err)
    try:
        yield Served(address(folder, process), key, process)
    finally:
        stop(process)


def make_key(folder: Path, variables: Mapping[str, str]) -> str:
    """A key without limits; raises RuntimeError with what the command said."""
    command = [sys.executable, "-m", "tollbar.cli", "keys", "create", "--name", "load", "--quiet"]
    done = subprocess.run(command, cwd=folder, env=dict(variables), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"no key could be made: {done.stdout}{done.stderr}")
    return done.stdout.strip()


def address(folder: Path, process: "subprocess.Popen[bytes]") -> str:
    """Where a server that has just been started listens; raises RuntimeError with what it said when it does not."""
    deadline = time.monotonic() + START_SECONDS
    while not (found := re.search(r"listens on (http://\S+)", (folder / "out").read_text(encoding="utf-8"))):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"Tollbar did not start: {(folder / 'err').read_text(encoding='utf-8')[-3_000:]}")
        time.sleep(0.02)
    return found[1]


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Lets it finish what it does, and then makes it."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    process.kill()
    process.wait()
