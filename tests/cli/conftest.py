"""A terminal for each test of a command."""

from tests.cli.running import terminal

__all__ = ["terminal"]
