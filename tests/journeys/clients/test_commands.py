"""The commands that the systems' documents name exist under those names, whichever tool people call them by."""

import pytest

import dev
from tools.recipes import ALIASES

# What people type after `make` and `.\build.ps1` (S2), and after `just` (S4).
NAMES = {
    "S2": ("compose-up", "compose-down", "smoke", "dev-services", "dev-api"),
    "S4": (
        *("server", "test", "lint", "loadtest-start", "loadtest-quick", "loadtest-heavy", "loadtest-stress"),
        *("profile-benchmark", "profile-memory", "profile-cpu", "profile-full"),
        *("docker-run", "docker-dev", "docker-cache", "docker-proxy"),
    ),
}


@pytest.mark.parametrize(("system", "name"), [(system, name) for system, names in NAMES.items() for name in names])
def test_names_that_people_know(system: str, name: str) -> None:
    """Each is a command of dev.py or another name of one; test_dev.py holds make, just and PowerShell to the same."""
    assert name in dev.COMMANDS or ALIASES[name][0] in dev.COMMANDS
