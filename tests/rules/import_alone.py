"""Imports modules one by one, and tells what went wrong or was done on the way.

A program, not a test: it reads {"libraries": [...], "modules": [...]} from standard input and answers {module: fault}.
The libraries are loaded first; each module then finds of ours only those before it in the list.
"""

import importlib
import json
import os
import sys
import threading
import traceback
from collections.abc import Iterator, MutableMapping
from functools import partial
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
OUTSIDE = ("socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen", "os.system", "sqlite3.connect")


class WatchedEnvironment(MutableMapping[str, str]):
    """The environment, noting whenever our own code looks at it."""

    def __init__(self, real: MutableMapping[str, str], faults: list[str]) -> None:
        self.real = real
        self.faults = faults

    def __getitem__(self, key: str) -> str:
        if is_ours(sys._getframe(1)):
            self.faults.append(f"reads the environment ({key})")
        return self.real[key]

    def __setitem__(self, key: str, value: str) -> None:
        self.faults.append(f"sets {key} in the environment")
        self.real[key] = value

    def __delitem__(self, key: str) -> None:
        del self.real[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.real)

    def __len__(self) -> int:
        return len(self.real)


def is_ours(frame: Any) -> bool:
    """Say whether the code that asks, past the mappings of the standard library, is the package's."""
    while frame is not None and frame.f_globals.get("__name__") in {
        "os",
        "_collections_abc",
        "collections.abc",
        __name__,
    }:
        frame = frame.f_back
    return frame is not None and is_watched(frame.f_globals.get("__name__", ""))


def is_watched(name: str) -> bool:
    """Say whether a module is one of those under examination."""
    return name.partition(".")[0] in WATCHED


WATCHED: set[str] = set()


def preload(names: list[str]) -> None:
    """Load what the modules will import; `package.thing` may be a module or a name inside one."""
    for name in names:
        for candidate in (name, name.rpartition(".")[0]):
            try:
                importlib.import_module(candidate)
            except (ImportError, ValueError):
                continue
            break


def audit(faults: list[str], event: str, arguments: tuple[Any, ...]) -> None:
    """Notes what goes beyond this process."""
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
        faults.append(f"opens {arguments[0]} for writing")
    elif event in OUTSIDE or event in {"os.mkdir", "os.remove", "os.rename"}:
        faults.append(f"does {event}")


def import_and_watch(name: str, faults: list[str]) -> list[str]:
    """Import one module; returns what it did that an import should not."""
    faults.clear()
    threads = threading.active_count()
    try:
        importlib.import_module(name)
    except BaseException:  # whatever an import raises is the finding
        faults.append(traceback.format_exc(limit=-3))
    if threading.active_count() > threads:
        faults.append("starts a thread")
    return list(faults)


def main() -> None:
    """Answer one question on standard input."""
    question = json.load(sys.stdin)
    sys.dont_write_bytecode = True
    sys.path[:0] = question.get("path", [])
    WATCHED.update(name.partition(".")[0] for name in question["modules"])
    preload(question["libraries"])
    faults: list[str] = []
    sys.addaudithook(partial(audit, faults))
    os.environ = WatchedEnvironment(os.environ, faults)  # type: ignore[assignment]  # noqa: B003 - watched, not cleared
    found = {name: "; ".join(dict.fromkeys(import_and_watch(name, faults))) for name in question["modules"]}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
