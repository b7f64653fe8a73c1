"""`python3 dev.py clean`: deletes what tools made in the clone. Never what Tollbar keeps, nor anything outside."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
AT_ROOT = (
    *(".pytest_cache", ".ruff_cache", ".hypothesis", ".import_linter_cache"),
    *("build", "dist", "reports"),
)
ANYWHERE = ("__pycache__", "*.egg-info")
PROJECT = ("src", "tests", "bench", "tools", "deploy")


def found(root: Path, *, is_all: bool) -> Iterator[Path]:
    """What there is to delete below a clone's root."""
    yield from (path for name in (*AT_ROOT, *((".venv",) if is_all else ())) if (path := root / name).exists())
    yield from root.glob("__pycache__")
    for folder in PROJECT:
        for pattern in ANYWHERE:
            yield from (root / folder).rglob(pattern)


def main(arguments: Sequence[str]) -> int:
    """Deletes, and names what it deleted; gives the exit status."""
    if set(arguments) - {"--all"}:
        print("clean takes --all, which deletes .venv as well, and nothing else.", file=sys.stderr)
        return 2
    for path in list(found(ROOT, is_all="--all" in arguments)):
        shutil.rmtree(path, ignore_errors=True)
        print(f"deleted {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
