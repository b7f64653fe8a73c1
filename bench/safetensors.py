"""`transformers serve` by itself, as people start it, over a model that the tests make; and where its libraries lie."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.groups import folder_of
from bench.machine import free_port, wait_for_port

START_SECONDS = 180.0


def variables(threads: int) -> dict[str, str]:
    """The environment in which Python finds Transformers, which computes with so many threads."""
    counts = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    return {**os.environ, **counts, "PYTHONPATH": str(folder_of("transformers")), "HF_HUB_OFFLINE": "1"}


@contextmanager
def served(path: Path, threads: int, is_batching: bool) -> Iterator[tuple[int, str, int]]:
    """The server over a folder: its port, no key, and its process. The name of the model is the folder's path."""
    port = free_port()
    words = ["serve", str(path), "--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--log-level", "error"]
    words += ["--continuous-batching"] * is_batching
    program = "import sys; from transformers.cli.transformers import main; sys.argv[0] = 'transformers'; main()"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-c", program, *words], env=variables(threads), **quiet) as process:
        try:
            wait_for_port(port, process, START_SECONDS)
            yield port, "", process.pid
        finally:
            process.kill()
