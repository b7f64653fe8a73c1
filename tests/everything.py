"""All modules that are ours, imported: so that a property has the same examples whatever ran before it in its process.

Hypothesis tries constants of the modules that happen to be imported, and no setting keeps it from that. It leaves out
what stands under `tests`.
"""

from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = (ROOT / "src" / "tollbar", ROOT / "bench", ROOT / "tools")
NOT_IMPORTED = {"bench.users.locustfile", "tollbar.storage.migrations.env"}
"""What only Locust and Alembic can import."""


def import_everything() -> None:
    """Import every module; it costs two seconds of a process that would not have imported any, once."""
    import_module("dev")
    for folder in FOLDERS:
        for file in sorted(folder.rglob("*.py")):
            name = ".".join(file.relative_to(folder.parent).with_suffix("").parts).removesuffix(".__init__")
            if name not in NOT_IMPORTED:
                import_module(name)
