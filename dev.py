#!/usr/bin/env python3
"""Tollbar's development commands: `python3 dev.py help` lists them.

Needs Python 3.11 and nothing else. Each command first sees to it that `.venv` holds exactly what `requirements/` locks,
by hash; when it already does, that costs two file reads. It never installs anything outside `.venv`.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple, NoReturn

# The syntax of this file stays readable for older Pythons, so that they reach this line.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(f"Tollbar needs Python 3.11 or newer; this is {sys.version.split()[0]}. Try: python3.11 dev.py …")

from tools.locks import LOCKS
from tools.recipes import ALIASES, RECIPES, Recipe

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
SUFFIX = ".exe" if os.name == "nt" else ""
STAMP = VENV / "tollbar-installed"
REQUIREMENTS = ROOT / "requirements"

# What each level of the environment is made of; "dev" holds all that "run" does.
LEVELS = {"run": ("run.txt", "build.txt"), "dev": ("dev.txt", "build.txt")}
STATIC_STAGES = (
    ("format", ("ruff", "format", "--check")),
    ("lint", ("ruff", "check")),
    ("types", ("pyrefly", "check")),
    ("imports", ("lint-imports",)),
)


class Command(NamedTuple):
    """A development command: the environment it needs, what it does, and its line in the list."""

    level: str | None
    run: Callable[[Sequence[str]], int]
    summary: str


def main(arguments: Sequence[str]) -> int:
    """Run the named command with the rest of the arguments; returns the exit status."""
    asked, *rest = arguments or ["help"]
    name, *rest = (*ALIASES.get(asked, (asked,)), *rest)
    if name in ("help", "-h", "--help"):
        return show_help()
    command = COMMANDS.get(name)
    if command is None:
        show_help()
        print(f"\nThere is no command {name!r}.", file=sys.stderr)
        return 2
    if command.level:
        install(command.level)
    return command.run(rest)


def show_help() -> int:
    """Print the list of commands."""
    print("python3 dev.py COMMAND [ARGUMENTS]\n")
    for name, command in COMMANDS.items():
        print(f"  {name:<12} {command.summary}")
    print("\nKnown by other names as well:\n")
    for name, words in ALIASES.items():
        print(f"  {name:<18} {' '.join(words)}")
    return 0


def serve(arguments: Sequence[str]) -> int:
    """Become `tollbar serve`."""
    return become(BIN / "tollbar", "serve", *arguments)


def run_tests(arguments: Sequence[str]) -> int:
    """Run every check and then every test; with arguments, pytest alone with them."""
    if arguments:
        return run("pytest", *arguments)
    # A file's tests stay in one process, because they share its servers; conftest.py orders rules first, journeys last.
    return run_static_stages() or run("pytest", "-q", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")


def check(arguments: Sequence[str]) -> int:
    """Run the checks and the rules of the house, without the tests of behaviour."""
    return run_static_stages() or run("pytest", "-q", "tests/rules", *arguments)


def format_code(arguments: Sequence[str]) -> int:
    """Rewrite the files (all, or those named) in the house format and mend what the linter can."""
    return run("ruff", "format", *arguments) or run("ruff", "check", "--fix", *arguments)


def follow(recipe: Recipe, arguments: Sequence[str]) -> int:
    """Run the program of a recipe; one that is not of the environment must be on the machine."""
    import shutil

    program, *words = recipe.words
    found = BIN / program if recipe.level else Path(shutil.which(program) or fail(f"{program} is not installed."))
    os.chdir(ROOT)
    return become(found, *words, *arguments)


def lock(arguments: Sequence[str]) -> int:
    """Compile the requirements anew; `--upgrade` moves to the newest versions."""
    if not has_pinned_uv():  # nothing else is needed, and it may be the other locks that are broken
        install("dev")
    options = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--quiet"]
    options += ["--system-certs", "--custom-compile-command", "python3 dev.py lock"]
    earlier: list[str] = []
    for name, sources in LOCKS.items():
        target = f"requirements/{name}"
        status = run("uv", "pip", "compile", *sources, *options, *earlier, *arguments, "-o", target)
        if status:
            return status
        earlier += ["-c", target]
    return 0


COMMANDS = {
    "install": Command("dev", lambda _: 0, "bring .venv up to date, and nothing more"),
    "serve": Command("run", serve, "start Tollbar on 127.0.0.1:8000 (arguments go to `tollbar serve`)"),
    "test": Command("dev", run_tests, "every check and every test; with arguments: pytest with them"),
    "check": Command("dev", check, "format, lint, types, import contracts and rules, without the other tests"),
    "format": Command("dev", format_code, "rewrite the code in the house format"),
    "lock": Command(None, lock, "lock the dependencies of pyproject.toml anew (--upgrade for newer ones)"),
}
COMMANDS |= {name: Command(one.level, partial(follow, one), one.summary) for name, one in RECIPES.items()}


def run_static_stages() -> int:
    """Run the checks that only read the code; stops at the first that fails and shows what it said."""
    import subprocess
    import time

    for name, (program, *arguments) in STATIC_STAGES:
        started = time.perf_counter()
        done = subprocess.run([BIN / program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        print(f"{name:<8} {'ok' if done.returncode == 0 else 'FAILED'} in {time.perf_counter() - started:.1f} s")
        if done.returncode:
            print(done.stdout + done.stderr)
            return done.returncode
    sys.stdout.flush()
    return 0


def run(program: str | Path, *arguments: str) -> int:
    """Run a program, of the environment unless it has a path, from the project's root; returns its exit status."""
    import subprocess

    return subprocess.run([BIN / program, *arguments], cwd=ROOT, check=False).returncode


def become(program: Path, *arguments: str) -> int:
    """Replace this process by a program, so that signals and the exit status are its own."""
    if os.name != "nt":  # exec there would return to the shell at once
        os.execv(program, [str(program), *arguments])
    return run(program, *arguments)


def install(level: str) -> None:
    """Make sure that `.venv` holds what a level needs. Safe to run twice at once: the second waits for the first."""
    if is_installed(level):
        return
    with only_one_at_a_time():
        if not is_installed(level):
            build(level)


def is_installed(level: str) -> bool:
    """Say whether the environment was built from the present files, for this level or for more."""
    stamp = read_stamp()
    return stamp in (make_stamp(level), make_stamp("dev")) and os.access(BIN / f"python{SUFFIX}", os.X_OK)


def read_stamp() -> str:
    """Return what the environment was last built from; empty when it was not, or not to the end."""
    try:
        return STAMP.read_text()
    except OSError:
        return ""


def make_stamp(level: str) -> str:
    """Return a line that changes whenever the environment must be built again."""
    digest = hashlib.sha256(f"{ROOT} {sys.version_info[:2]}".encode())
    for path in (ROOT / "pyproject.toml", *(REQUIREMENTS / name for name in LEVELS[level])):
        digest.update(path.read_bytes())
    return f"{level} {digest.hexdigest()}"


@contextmanager
def only_one_at_a_time() -> Generator[None, None, None]:
    """Hold a lock over this very file, which is always there and never replaced by an installation."""
    try:
        import fcntl
    except ImportError:  # Windows: the user waits for one command before giving the next
        yield
        return
    with Path(__file__).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def build(level: str) -> None:
    """Bring the environment to a level, from whatever state it is in; the stamp comes last."""
    import time

    started = time.perf_counter()
    if read_stamp().startswith("dev "):
        level = "dev"  # serving from a tested checkout must not take the tests' tools away
    say(f"Installing {'Tollbar' if level == 'run' else 'Tollbar and its tools'} into {VENV.name} …")
    STAMP.unlink(missing_ok=True)
    if not has_usable_python():
        make_venv()
    python = str(BIN / "python")
    pip = [python, "-m", "pip", "--quiet", "--quiet", "--disable-pip-version-check", "install"]
    if not has_pinned_uv():
        must([*pip, "--require-hashes", "--requirement", str(REQUIREMENTS / "build.txt")])
    files = [str(REQUIREMENTS / name) for name in LEVELS[level]]
    # The machine's own certificates, as pip has them: a proxy may sign with one that uv does not bring along.
    sync = [str(BIN / "uv"), "--quiet", "--system-certs", "pip", "sync", "--require-hashes", "--python", python, *files]
    if not can(sync):
        say("uv could not install; trying pip, which knows mirrors of its own …")
        requirements = [argument for file in files for argument in ("--requirement", file)]
        must([*pip, "--require-hashes", *requirements])
    must([*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
    STAMP.write_text(make_stamp(level))
    say(f"Installed in {time.perf_counter() - started:.0f} s.")


def has_usable_python() -> bool:
    """Say whether the environment's Python runs, is of this version, and has pip."""
    probe = f"import pip, sys; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"
    return os.access(BIN / f"python{SUFFIX}", os.X_OK) and can([str(BIN / "python"), "-c", probe])


def has_pinned_uv() -> bool:
    """Say whether the environment's uv is the one that is locked."""
    import subprocess

    if not os.access(BIN / f"uv{SUFFIX}", os.X_OK):
        return False
    said = subprocess.run([BIN / "uv", "--version"], capture_output=True, text=True, check=False).stdout.split()
    return len(said) > 1 and f"\nuv=={said[1]} " in (REQUIREMENTS / "build.txt").read_text()


def make_venv() -> None:
    """Make the environment anew with the standard library's venv."""
    import venv

    try:
        import ensurepip  # noqa: F401 - Debian ships venv without it
    except ImportError:
        fail("this Python lacks its venv module. On Debian or Ubuntu: apt-get install python3-venv")
    venv.create(VENV, clear=True, with_pip=True, symlinks=os.name != "nt")


def can(command: Sequence[str]) -> bool:
    """Run a command quietly except for its errors; says whether it succeeded."""
    import subprocess

    return subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode == 0


def must(command: Sequence[str]) -> None:
    """Run a command that the installation cannot do without."""
    if not can(command):
        fail("the installation failed; the lines above say where. Run the command again once that is mended.")


def say(message: str) -> None:
    """Tell the user what takes time; standard output is the command's own."""
    print(message, file=sys.stderr, flush=True)


def fail(message: str) -> NoReturn:
    """End with a message."""
    sys.exit(f"dev.py: {message}")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
