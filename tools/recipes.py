"""The commands of `dev.py` that only start a program: data, so that the list of commands is one table.

The second half has the names that people know from elsewhere; each does what the command beside it does.
"""

import sys
from collections.abc import Mapping
from typing import NamedTuple

COMPOSE = ("docker", "compose", "-f", "compose.yaml")
RELOADING = (
    *("python", "-m", "uvicorn", "--factory", "tollbar.app:create", "--reload", "--reload-dir", "src"),
    *("--no-proxy-headers", "--timeout-graceful-shutdown", "3", "--host", "127.0.0.1", "--port", "8000"),
)


class Recipe(NamedTuple):
    """The environment that a program needs (None: it is not of ours), its words, and its line in the list."""

    level: str | None
    words: tuple[str, ...]
    summary: str


RECIPES: Mapping[str, Recipe] = {
    "dev": Recipe("run", RELOADING, "serve, and start anew on each change in src/ (arguments go to uvicorn)"),
    "lint": Recipe("dev", ("ruff", "check"), "what the linter says"),
    "smoke": Recipe("run", ("tollbar", "smoke"), "drive a running server through every endpoint (URL --key KEY)"),
    "fuzz": Recipe("dev", ("python", "-m", "tests.fuzz"), "look for inputs that break a codec (--seconds N)"),
    "bench": Recipe("dev", ("python", "-m", "bench"), "measure what a call costs and print the table"),
    "bench-check": Recipe(
        "dev", ("python", "-m", "bench", "--check"), "fail if a call costs more than 15 % above the reference"
    ),
    "bench-local": Recipe(
        "dev", ("python", "-m", "bench.local"), "measure a model of this machine, through Tollbar and bare"
    ),
    "simulate": Recipe(
        "dev",
        ("python", "-m", "tests.simulation"),
        "simulate crashes, outages and wrong clocks: is the money right? (--seconds N, --seed N)",
    ),
    "load": Recipe(
        "dev",
        ("python", "-m", "bench.users"),
        "imitate users: interactive, quick, heavy or stress (--host URL --key K)",
    ),
    "profile": Recipe(
        "dev", ("python", "-m", "bench.profiling"), "write profiles to reports/: memory, cpu [PID], benchmark or all"
    ),
    "clean": Recipe(None, (sys.executable, "-m", "tools.cleaning"), "delete what tools made (--all: .venv as well)"),
    "docker-build": Recipe(None, ("docker", "build", "--tag", "tollbar:0.1.0", "."), "build the image"),
    "docker-run": Recipe(None, (*COMPOSE, "up", "--detach", "--build"), "start Tollbar in a container"),
    "docker-dev": Recipe(
        None, (*COMPOSE, "-f", "deploy/compose.dev.yaml", "up", "--build"), "the same with this source, reloading"
    ),
    "docker-cache": Recipe(
        None, (*COMPOSE, "-f", "deploy/compose.cache.yaml", "up", "--detach", "--build"), "the same beside a cache"
    ),
    "docker-proxy": Recipe(
        None,
        (*COMPOSE, "-f", "deploy/compose.proxy.yaml", "up", "--detach", "--build"),
        "the same behind nginx, on 8080",
    ),
    "docker-stop": Recipe(None, (*COMPOSE, "down", "--remove-orphans"), "stop the containers; what they keep stays"),
}

ALIASES: Mapping[str, tuple[str, ...]] = {
    "run": ("serve",),
    "server": ("serve",),
    "dev-api": ("dev",),
    "dev-services": ("docker-cache",),
    "compose-up": ("docker-run",),
    "compose-down": ("docker-stop",),
    "loadtest-start": ("load", "interactive"),
    "loadtest-quick": ("load", "quick"),
    "loadtest-heavy": ("load", "heavy"),
    "loadtest-stress": ("load", "stress"),
    "profile-benchmark": ("profile", "benchmark"),
    "profile-memory": ("profile", "memory"),
    "profile-cpu": ("profile", "cpu"),
    "profile-full": ("profile", "all"),
}
