"""Which settings are planned: declared and read, but used by nothing."""

import ast
import re
from pathlib import Path

import pytest

from tests.rules.source import modules
from tests.settings.making import make
from tollbar.settings.describe import EACH, PLANNED, Row, blocks, effective, planned_part, rows

# Read under other names: by `Timeouts` of the domain, field by field.
TIMEOUTS = re.compile(r"(.+\.)?timeouts\.\w+_seconds|.+\.timeouts")
# What stands between a name of the user's own and its field: `declared`, `tier` and `route` are entries of these.
ENTRIES = (("providers",), ("models",), ("tiers",), ("limits", "routes", EACH))


def readers() -> str:
    """The code that may read settings, with every `self._settings` as `settings`."""
    code = [module for module in modules() if module.place.startswith(("app/", "cli/"))]
    text = "\n".join(ast.unparse(module.tree) for module in code)
    return text.replace("self._settings", "settings")


def is_read(row: Row, code: str) -> bool:
    """Whether the code names a setting: from the settings down, or, in an entry, on whatever holds the entry."""
    if any(row.location[: len(entry)] == entry for entry in ENTRIES):
        return re.search(rf"\.{row.location[-1]}\b", code) is not None
    path = [part for part in row.location if part != EACH]
    if path == ["server", "host"]:
        path = ["server", "(host|is_loopback)"]
    if path == ["environment"]:
        path = ["is_development"]
    return re.search(rf"\bsettings\.{r'.'.join(path)}\b", code) is not None


def test_the_mark_is_where_nothing_reads() -> None:
    """A setting that the code reads is not marked, one that it does not read is."""
    code = readers()
    wrong = [
        f"{row.name} is {'read and marked' if row.is_planned else 'neither read nor marked'} as planned"
        for row in rows()
        if (row.is_planned or not TIMEOUTS.fullmatch(row.name)) and is_read(row, code) == row.is_planned
    ]
    assert wrong == []


def test_the_search_can_fail() -> None:
    """A setting that is used is found, another is not."""
    found = {row.name: row for row in rows()}
    assert is_read(found["server.port"], "x = settings.server.port")
    assert not is_read(found["server.port"], "x = settings.server.port_range; settings.llm.port")
    assert is_read(found["models.NAME.price.input"], "x = price.input")
    assert not is_read(found["anonymous.enabled"], "x = settings.self_service.enabled")


@pytest.mark.parametrize(
    ("location", "part"),
    [
        (("requests", "log_bodies"), ("requests", "log_bodies")),
        (("ledger", "clamp"), None),
        (("input", "max_tools"), ("input", "max_tools")),
        (("input", "max_tools", "most"), ("input", "max_tools")),
        (("defaults", "max_tokens"), None),
        (("input", "max_body_bytes"), None),
        (("input",), None),
        (("nope", "nope"), None),
    ],
)
def test_a_mark_holds_for_all_below(location: tuple[str, ...], part: tuple[str, ...] | None) -> None:
    """Whatever stands under a setting has its mark, what stands beside it has not."""
    assert planned_part(location) == part


def test_what_is_planned_is_shown_so(tmp_path: Path) -> None:
    """In the table of settings, and where those in force are listed."""
    assert [block.name for block in blocks() if block.is_planned] == []
    told = {row.name: row.value for row in effective(make(tmp_path))}
    assert told["requests.log_bodies"] == f"false ({PLANNED})"
    assert told["ledger.strict"] == "false"


def test_setting_one_is_told_with_its_place(tmp_path: Path) -> None:
    """Each by its name and its line; what is not planned is not told."""
    yaml = "ledger: {clamp: true, strict: true}\nrequests: {retention_days: 2,\n  log_bodies: true}\n"
    settings = make(tmp_path, yaml, environment={"API_PORT": "1"})
    assert [warning.replace(f"{tmp_path}/", "") for warning in settings.warnings] == [
        "tollbar.yaml, line 3: requests.log_bodies is planned: it has no effect yet.",
    ]
