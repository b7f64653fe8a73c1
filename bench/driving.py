"""Runs the load generator beside what it loads, and watches the memory of the latter meanwhile."""

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict

from bench.load import Load, Result
from bench.machine import Cores, cpu_seconds, pinned, resident_bytes

SETTLE_SECONDS = 1.0
"""What a gateway still does for calls that are answered (ledger, log) is counted: batches are flushed by then."""
SAMPLE_SECONDS = 0.05


class Driver:
    """Loads one server after the other from the feeding core."""

    def __init__(self, cores: Cores) -> None:
        self._cores = cores
        self.most_resident_bytes = 0

    def drive(self, load: Load, watched: int | None = None) -> Result:
        """The result of a load; raises RuntimeError when an answer was not good.

        The most memory that the `watched` process held is in `most_resident_bytes` afterwards.
        """
        self.most_resident_bytes = 0
        with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as faults:
            told.write(json.dumps(asdict(load)).encode())
            told.seek(0)
            with subprocess.Popen(
                [sys.executable, "-m", "bench.load"],
                preexec_fn=pinned(self._cores.feeding),
                stdin=told,
                stdout=output,
                stderr=faults,
            ) as process:
                while process.poll() is None:
                    if watched is not None:
                        self.most_resident_bytes = max(self.most_resident_bytes, resident_bytes(watched))
                    time.sleep(SAMPLE_SECONDS)
            if process.returncode:
                faults.seek(0)
                raise RuntimeError(f"the load generator failed: {faults.read().decode()[-2_000:]}")
            output.seek(0)
            result = Result(**json.load(output))
        if result.failed or not result.answered:
            raise RuntimeError(f"{result.failed} of {result.failed + result.answered} calls failed: {result.example}")
        return result

    def cpu(self, pid: int, load: Load, settle_seconds: float = SETTLE_SECONDS) -> tuple[Result, float]:
        """The result of a load, and the CPU seconds that a process spent on it."""
        before = cpu_seconds(pid)
        result = self.drive(load, pid)
        time.sleep(settle_seconds)
        return result, cpu_seconds(pid) - before


def percentile(values: list[float], percent: float) -> float:
    """The value that so many per cent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
