"""`python3 dev.py fuzz --seconds N`: looks for inputs that break a codec, as long as it is told to.

It prints how many inputs were tried and what each finding is, and exits 1 where there is one.
"""

import argparse
import sys
import time

from tests.fuzz.campaign import Campaign

STEP = 500
MOST_SHOWN = 4_000


def main() -> int:
    """Runs one campaign; returns the exit status."""
    parser = argparse.ArgumentParser(prog="dev.py fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to look (default 60)")
    parser.add_argument("--seed", type=int, default=None, help="where chance begins (default: another one each time)")
    asked = parser.parse_args()
    seed = time.time_ns() % 2**32 if asked.seed is None else asked.seed
    campaign = Campaign(seed)
    end = time.monotonic() + asked.seconds
    while time.monotonic() < end:
        campaign.run(STEP)
    say(f"{campaign.executions} inputs tried, {campaign.outcomes} different ends, seed {seed}")
    for found in campaign.findings:
        say(f"\n{found.target}: {found.told}\nThe input: {found.raw[:MOST_SHOWN]!r}")
    say(f"{len(campaign.findings)} findings")
    return 1 if campaign.findings else 0


def say(text: str) -> None:
    """Writes a line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
