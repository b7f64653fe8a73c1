"""`python -m bench.profiling WHAT`: where a server's memory and time go, written to files under `reports/`.

`memory` runs a server of its own under memray; `cpu` watches a running one (its process id), or one of its own, with
py-spy; `benchmark` is the table of costs; `all` is all three. A server of its own has the guide, and is kept busy.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

from bench.answers import request_body
from bench.groups import InstallationError, environment, program, provide
from bench.serving import MODEL, Served, served

REPORTS = Path("reports")
SECONDS = 20
CALLERS = 4


def main(arguments: Sequence[str]) -> int:
    """Takes the profiles that were asked for; gives the exit status."""
    options = _options(arguments)
    REPORTS.mkdir(exist_ok=True)
    if options.what == "benchmark":
        return benchmark()
    try:
        folder = provide("profile")
    except InstallationError as error:
        say(str(error))
        return 2
    match options.what:
        case "memory":
            return memory(folder, options.seconds)
        case "cpu":
            return cpu(folder, options.seconds, options.pid)
        case _:
            return memory(folder, options.seconds) or cpu(folder, options.seconds, options.pid) or benchmark()


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("dev.py profile", description="Writes profiles of a server to reports/.")
    parser.add_argument("what", choices=("memory", "cpu", "benchmark", "all"), nargs="?", default="all")
    parser.add_argument("pid", type=int, nargs="?", help="for cpu: the process id of a running server")
    parser.add_argument("--seconds", type=int, metavar="NUMBER", default=SECONDS, help=f"in place of {SECONDS}")
    return parser.parse_args(arguments)


def memory(folder: Path, seconds: float) -> int:
    """Each allocation of a busy server: the largest as text, all of them as a flame graph."""
    if os.name == "nt":
        say("memory: memray does not run on Windows.")
        return 2
    record = (REPORTS / "memory.bin").resolve()
    variables = environment(folder)
    prefix = [sys.executable, "-m", "memray", "run", "--force", "--quiet", "--output", str(record)]
    with busy(seconds, prefix, variables):
        pass
    graph, text = REPORTS / "memory.html", REPORTS / "memory.txt"
    memray = [sys.executable, "-m", "memray"]
    drawn = ["flamegraph", "--force", "--output", str(graph), str(record)]
    done = subprocess.run([*memray, *drawn], env=variables, capture_output=True, text=True, check=False)
    with text.open("w", encoding="utf-8") as output:
        status = subprocess.run([*memray, "stats", str(record)], env=variables, stdout=output, check=False).returncode
    if done.returncode or status:
        say(f"memray could not read its own record: {done.stderr}")
        return 1
    told(text, graph)
    return 0


def cpu(folder: Path, seconds: float, pid: int | None = None) -> int:
    """Where a server spends its time, as a flame graph; of a running one, or of one of its own."""
    if pid is not None:
        return watch(folder, seconds, pid)
    with busy(seconds, (sys.executable,), dict(os.environ)) as server:
        return watch(folder, seconds, server.process.pid if server.process else 0)


def watch(folder: Path, seconds: float, pid: int) -> int:
    """A flame graph of a process; it runs on as it did."""
    graph = REPORTS / "cpu.svg"
    options = ["--pid", str(pid), "--duration", str(max(1, round(seconds))), "--output", str(graph), "--nonblocking"]
    done = subprocess.run([program(folder, "py-spy"), "record", *options], capture_output=True, text=True, check=False)
    if done.returncode:
        say(f"py-spy could not watch process {pid}: {reason(done.stderr)}")
        return 1
    told(graph)
    return 0


def reason(complaint: str) -> str:
    """Why nothing came of watching a process, and what to do."""
    if "No stack counts" in complaint:
        return "it did nothing meanwhile. Call it while it is watched."
    if "ermission" in complaint or "not permitted" in complaint:
        return "that is forbidden. Run this as root; in a container, with the capability SYS_PTRACE."
    return complaint.strip().partition("\n")[0]


def benchmark() -> int:
    """The table of costs, kept as text and as figures."""
    text, figures = REPORTS / "benchmark.txt", REPORTS / "benchmark.json"
    command = [sys.executable, "-m", "bench", "--quick", "--json", str(figures)]
    with text.open("w", encoding="utf-8") as output:
        status = subprocess.run(command, stdout=output, check=False).returncode
    say(text.read_text(encoding="utf-8"))
    if status == 0:
        told(text, figures)
    return status


@contextmanager
def busy(seconds: float, prefix: Sequence[str], variables: Mapping[str, str]) -> Iterator[Served]:
    """A server of its own that is called all the time, for as long as the block and no less than `seconds`."""
    is_over = threading.Event()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tollbar-profile-", ignore_cleanup_errors=True) as folder:
        with served(Path(folder), prefix, variables) as server:
            callers = [threading.Thread(target=repeat, args=(server, is_over)) for _ in range(CALLERS)]
            for caller in callers:
                caller.start()
            try:
                yield server
                is_over.wait(max(0.0, began + seconds - time.monotonic()))
            finally:
                is_over.set()
                for caller in callers:
                    caller.join()


def repeat(server: Served, is_over: threading.Event) -> None:
    """Calls a server again and again, plain and streamed by turns."""
    is_stream = False
    while not is_over.is_set():
        ask(server, is_stream)
        is_stream = not is_stream


def ask(server: Served, is_stream: bool) -> None:
    """One call, read to its end."""
    headers = {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"}
    body = request_body(MODEL, is_stream=is_stream)
    with urlopen(Request(f"{server.url}/v1/chat/completions", body, headers), timeout=60) as answer:
        answer.read()


def told(*files: Path) -> None:
    """Says where to look."""
    for file in files:
        say(f"written: {file.resolve()}")


def say(text: str) -> None:
    """Writes a line for people."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
