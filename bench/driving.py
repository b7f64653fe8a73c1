"""Runs the load generator beside what it loads, and watches the memory and the CPU time of the latter meanwhile."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from bench.load import Load, Result, Turns
from bench.machine import Cores, cpu_seconds, pinned, resident_bytes

SETTLE_SECONDS = 1.0
"""What a gateway still does for calls that are answered (ledger, log) is counted: batches are flushed by then."""
SAMPLE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Spent:
    """What came of a load, and the CPU seconds that it cost the process which answered."""

    result: Result
    cpu_seconds: float

    @property
    def microseconds(self) -> float:
        """CPU time of one answer."""
        return self.cpu_seconds / self.result.answered * 1e6


class Driver:
    """Loads servers from the feeding core."""

    def __init__(self, cores: Cores) -> None:
        self._cores = cores
        self.most_resident_bytes = 0

    def drive(self, load: Load, watched: int | None = None) -> Result:
        """The result of one load; raises RuntimeError when an answer was not good.

        The most memory that the `watched` process held is in `most_resident_bytes` afterwards.
        """
        return self.alternate(Turns([load]), watched)[0]

    def alternate(self, turns: Turns, watched: int | None = None) -> list[Result]:
        """The results of loads that take turns; as `drive`."""
        self.most_resident_bytes = 0
        with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as faults:
            told.write(msgspec.json.encode(turns))
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
            results = msgspec.json.decode(output.read(), type=list[Result])
        for result in results:
            if result.failed:
                raise RuntimeError(
                    f"{result.failed} of {result.failed + result.answered} calls failed: {result.example}"
                )
        if not all(result.answered for result in results):
            raise RuntimeError("a load had no answer at all")
        return results

    def cpu(self, pid: int, load: Load) -> Spent:
        """What one load costs the process that answers it, whose memory is watched."""
        return self.compare([(pid, load)], 1, pid)[0]

    def compare(self, sides: Sequence[tuple[int, Load]], turns: int, watched: int | None = None) -> list[Spent]:
        """What loads cost the processes that answer them, when they take so many turns each.

        A machine that is fast in one second may be slow in the next. Turns far shorter than that put all sides in the
        same weather. A process that still writes while it is another's turn is charged for it all the same.
        """
        before = [cpu_seconds(pid) for pid, _ in sides]
        results = self.alternate(Turns([load for _, load in sides], turns), watched)
        time.sleep(SETTLE_SECONDS)
        after = [cpu_seconds(pid) for pid, _ in sides]
        return [Spent(result, late - early) for result, early, late in zip(results, before, after, strict=True)]


def percentile(values: list[float], percent: float) -> float:
    """The value that so many per cent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
