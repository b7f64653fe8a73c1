"""`python -m bench.users SCENARIO`: runs Locust against a server, or one of its own; status 1 on any failure."""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.groups import InstallationError, environment, provide
from bench.serving import MODEL, Served, served
from bench.users.scenarios import SCENARIOS, Scenario

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
REPORTS = Path("reports")
WEB_PORT = 8089


def main(arguments: Sequence[str]) -> int:
    """Runs the scenario; gives the exit status."""
    options = _options(arguments)
    scenario = SCENARIOS[options.scenario]
    scenario = Scenario(options.users or scenario.users, options.seconds or scenario.seconds)
    try:
        folder = provide("load")
    except InstallationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    with _target(options) as target:
        say(f"{options.scenario}: {_described(scenario)} at {target.url}, model {options.model}")
        REPORTS.mkdir(exist_ok=True)
        page = REPORTS / f"load-{options.scenario}.html"
        command = [sys.executable, "-m", "locust", *_arguments(scenario, target.url, page)]
        variables = {"LOAD_KEY": target.key, "LOAD_MODEL": options.model, "LOCUST_SKIP_URLLIB3_PATCH": "1"}
        # Locust writes its table where others write their complaints.
        done = subprocess.run(command, env=environment(folder) | variables, stderr=subprocess.STDOUT, check=False)
    if page.exists():
        say(f"The figures are in {page.resolve()}")
    return done.returncode


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("dev.py load", description="Imitates users; exit status 1 if any call failed.")
    parser.add_argument("scenario", choices=SCENARIOS, nargs="?", default="quick")
    parser.add_argument(
        "--host", metavar="URL", help="the server to try, in place of a new one that has the guide only"
    )
    parser.add_argument("--key", metavar="KEY", default=os.environ.get("TOLLBAR_KEY", ""), help="a key of that server")
    parser.add_argument("--model", metavar="NAME", default=MODEL, help=f"the model to ask, in place of {MODEL}")
    parser.add_argument("--users", type=int, metavar="NUMBER", help="in place of the scenario's")
    parser.add_argument("--seconds", type=int, metavar="NUMBER", help="in place of the scenario's")
    options = parser.parse_args(arguments)
    if options.host and not options.key:
        parser.error("--host wants --key as well (or TOLLBAR_KEY in the environment)")
    return options


def _described(scenario: Scenario) -> str:
    if scenario.is_interactive:
        return f"begin at http://127.0.0.1:{WEB_PORT}, end with Ctrl+C; users are sent"
    return f"{scenario.users} users for {scenario.seconds} s"


@contextmanager
def _target(options: argparse.Namespace) -> Iterator[Served]:
    """The server that was named, or one with the guide that lives as long as the run."""
    if options.host:
        yield Served(options.host.rstrip("/"), options.key)
        return
    with tempfile.TemporaryDirectory(prefix="tollbar-load-", ignore_cleanup_errors=True) as folder:
        with served(Path(folder)) as target:
            yield target


def _arguments(scenario: Scenario, url: str, page: Path) -> list[str]:
    common = ["--locustfile", str(LOCUSTFILE), "--host", url, "--loglevel", "WARNING"]
    if scenario.is_interactive:
        return [*common, "--web-host", "127.0.0.1", "--web-port", str(WEB_PORT)]
    numbers = [
        "--users",
        str(scenario.users),
        "--spawn-rate",
        str(scenario.users),
        "--run-time",
        f"{scenario.seconds}s",
    ]
    return [*common, "--headless", "--only-summary", *numbers, "--html", str(page), "--exit-code-on-error", "1"]


def say(text: str) -> None:
    """Writes a line for people."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
