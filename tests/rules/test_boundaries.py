"""Who may import whom, and one place for each library.

`lint-imports` follows indirect imports as well; this holds what it cannot say: which layers a package may name
directly, and where a library may be known.
"""

import sys

import pytest

from tests.rules.source import Import, Module, imports, is_below, modules, refuse

# Each part of the package, and the parts that its files may name.
MAY_IMPORT = {
    "": (),
    "domain": (),
    "settings": (),
    "logs": (),
    "logfile": (),
    "metrics": ("domain",),
    "ports": ("domain",),
    "wire": ("domain",),
    "gateway": ("ports", "domain"),
    "admin": ("ports", "domain"),
    "providers": ("ports", "wire", "domain"),
    "storage": ("ports", "domain"),
    "counters": ("ports", "domain"),
    "caches": ("ports", "domain"),
    "clock": ("ports", "domain"),
    "edge": ("gateway", "admin", "ports", "wire", "domain", "logs"),
    "web": ("gateway", "admin", "ports", "wire", "domain", "logs"),
}
COMPOSERS = ("app", "cli")

# Each library, and the modules that may know it. One that is not here has no place yet: give it one, and a line in
# docs/decisions/dependencies.md.
PLACES = {
    "aiohttp": ("providers.transport",),
    "alembic": ("storage",),
    "asyncpg": ("storage",),
    "botocore": ("providers.aws_keys",),
    "cryptography": ("admin", "storage", "providers.google_tokens"),
    "dotenv": ("settings",),
    "fastapi": ("edge", "web", "app"),
    "genai_prices": ("providers",),
    "httptools": ("edge",),
    "msgspec": ("wire", "providers", "storage", "counters", "caches", "edge", "web", "logs"),
    "prometheus_client": ("metrics",),
    "pydantic": ("settings", "edge", "web"),
    "redis": ("counters.redis",),
    "rich": ("cli",),
    "sqlalchemy": ("storage",),
    "sqlite3": ("storage", "providers.guide"),  # the guide's index lives in memory: it stores nothing
    "starlette": ("edge", "web", "app"),
    "structlog": ("logs", "edge", "web", "providers", "storage", "counters", "app", "cli"),
    "tiktoken": ("providers.tokens.vocabulary",),
    "typer": ("cli",),
    "uvicorn": ("edge", "cli", "app"),
    "uvloop": ("cli", "app"),
    "yaml": ("settings",),
    "yarl": ("providers.transport",),
}


def layer_faults(module: Module) -> list[str]:
    """Name each import of our own that the layer of a module may not make."""
    part = module.name.partition(".")[0]
    if part in COMPOSERS:
        return []
    if part not in MAY_IMPORT:
        return [f"{module.place}: {part!r} is in no layer: give it one in MAY_IMPORT and in pyproject.toml"]
    allowed = tuple(f"tollbar.{other}" for other in (part, *MAY_IMPORT[part]) if other)
    return [
        f"{module.place}:{found.line}: {part or 'the package'} may not import {found.name}"
        for found in imports(module)
        if is_below(found.name, ("tollbar",)) and not is_below(found.name, (*allowed, "tollbar.__version__"))
    ]


def library_faults(module: Module) -> list[str]:
    """Name each import of a library outside its place."""
    return [fault for found in imports(module) if (fault := library_fault(module, found))]


def library_fault(module: Module, found: Import) -> str | None:
    """Say what is wrong with an import of something that is not ours, if anything is."""
    library = found.name.partition(".")[0]
    if library == "tollbar":
        return None
    where = f"{module.place}:{found.line}"
    if library in sys.stdlib_module_names and library not in PLACES:
        return None
    if is_below(module.name, ("domain",)):
        return f"{where}: domain knows the standard library only, not {library}"
    if library not in PLACES:
        return f"{where}: {library} has no place: give it one in PLACES"
    if not is_below(module.name, PLACES[library]):
        return f"{where}: {library} belongs in {', '.join(PLACES[library])}"
    return None


def test_layers_are_kept() -> None:
    """No module names a part of the package that its layer may not know."""
    refuse([fault for module in modules() for fault in layer_faults(module)])


def test_each_library_has_one_place() -> None:
    """No module knows a library outside the library's place."""
    refuse([fault for module in modules() for fault in library_faults(module)])


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("domain/money.py", "from tollbar.ports import Clock"),
        ("domain/money.py", "from ..ports import Clock"),
        ("gateway/admit.py", "from tollbar.wire import sse"),
        ("gateway/admit.py", "from tollbar import storage"),
        ("gateway/admit.py", "import tollbar.admin.keys"),
        ("edge/routes.py", "def late():\n    from tollbar.storage.keys import find"),
        ("edge/routes.py", "from tollbar.settings import Settings"),
        ("storage/keys.py", "from tollbar.gateway.health import Health"),
        ("extras.py", "import os"),
    ],
)
def test_a_broken_layer_is_found(place: str, line: str) -> None:
    """An import against the direction of the layers, in whatever form, is one fault."""
    assert len(layer_faults(Module(place, line))) == 1


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("gateway/admit.py", "from starlette.requests import Request"),
        ("providers/openai.py", "import aiohttp"),
        ("edge/health.py", "import sqlite3"),
        ("domain/money.py", "import msgspec"),
        ("wire/sse.py", "import requests"),
    ],
)
def test_a_library_out_of_place_is_found(place: str, line: str) -> None:
    """A library outside its place, or without one, is one fault."""
    assert len(library_faults(Module(place, line))) == 1


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("app.py", "from tollbar.storage.keys import Keys"),
        ("gateway/admit.py", "from tollbar.domain.money import Amount\nfrom .health import Health\nimport asyncio"),
        ("providers/transport.py", "import aiohttp\nfrom tollbar.wire.sse import Parser"),
        ("storage/journal.py", "import sqlite3\nfrom sqlalchemy.dialects import sqlite"),
        ("edge/models.py", "from tollbar import __version__"),
    ],
)
def test_what_is_allowed_passes(place: str, line: str) -> None:
    """Imports along the layers, and libraries in their places, are no faults."""
    module = Module(place, line)
    assert layer_faults(module) + library_faults(module) == []
