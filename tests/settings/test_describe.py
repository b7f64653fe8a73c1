"""The settings as a table."""

from pathlib import Path

import pytest

from tests.settings.making import make
from tollbar.settings.describe import (
    blocks,
    effective,
    environment_names,
    find_field,
    find_section,
    kind_of,
    mask_password,
    rows,
    show,
)
from tollbar.settings.offers import Model, RouteLimit
from tollbar.settings.sections import Server, TimeoutOverrides


def test_every_setting_is_documented() -> None:
    """Each has a text that is a sentence, a type in words, and a unit where its name needs one."""
    for row in rows():
        assert row.text.endswith("."), row.name
        assert not row.text[0].islower(), row.name
        assert row.kind, row.name
        if row.name.endswith("_seconds"):
            assert row.unit == "seconds", row.name


def test_every_section_is_in_the_table_once() -> None:
    """Blocks have names of their own, and all hold or introduce something."""
    names = [block.name for block in blocks()]
    assert len(set(names)) == len(names)
    assert {"", "server", "providers.NAME", "models.NAME.price", "limits.routes.NAME"} <= set(names)


def test_a_row_says_it_all() -> None:
    """Type, default, unit and environment names are read from the declaration."""
    row = next(row for row in rows() if row.name == "server.port")
    assert (row.kind, row.default, row.environment) == ("whole number", "8000", ("API_PORT", "PORT"))
    row = next(row for row in rows() if row.name == "ledger.durability")
    assert (row.kind, row.default) == ("`process` or `power`", "process")
    row = next(row for row in rows() if row.name == "tiers.NAME.cost")
    assert (row.kind, row.default) == ("whole number", "required")


def test_no_two_settings_share_an_environment_name() -> None:
    """Each environment name leads to one setting."""
    names = [name for row in rows() for name in row.environment]
    assert sorted(names) == sorted(environment_names())


def test_sections_and_fields_are_found_by_their_place() -> None:
    """Names of the user's own are passed over; what is not there is not found."""
    assert find_section(("server",)) is Server
    assert find_section(("models", "gpt-4o")) is Model
    assert find_section(("models", "gpt-4o", "timeouts")) is TimeoutOverrides
    assert find_section(("limits", "routes", "/x")) is RouteLimit
    assert [find_section(place) for place in (("models",), ("nope",), ("server", "port"))] == [None, None, None]
    field = find_field(("models", "m", "targets", "0"))
    assert field is not None
    assert kind_of(field) == "list of texts"
    assert find_field(()) is None


def test_values_are_shown_as_people_write_them(tmp_path: Path) -> None:
    """Nothing is shown as Python would."""
    assert [show(value) for value in (None, True, 0.5, 3.0, "", (), ("a", "b"), {"x": 1}, Path("a"))] == [
        "none",
        "true",
        "0.5",
        "3",
        "empty",
        "none",
        "a, b",
        "x",
        "a",
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://u:p@h/d", "postgres://***@h/d"),
        ("http://u:p@q@h", "http://***@h"),
        ("http://h/a@b", "http://***@b"),
        ("http://h", "http://h"),
        ("someone@host", "someone@host"),
    ],
)
def test_passwords_in_addresses_are_masked(text: str, shown: str) -> None:
    """Whatever stands before the last @ of an address may be a password."""
    assert mask_password(text) == shown


def test_what_is_in_force_is_listed_with_its_origin(tmp_path: Path) -> None:
    """Defaults, file, environment; of entries only what they say; secrets masked."""
    yaml = "models: {short: openai/x, long: {targets: [openai/y], price: {input: 3, output: 0.6}}}\n"
    environment = {"PORT": "1", "OPENAI_API_KEY": "hush", "LLM_API_KEY": "hush"}
    listed = effective(make(tmp_path, yaml, environment=environment))
    told = {row.name: (row.value, row.origin.replace(f"{tmp_path}/", "")) for row in listed}
    assert told["server.port"] == ("1", "environment: PORT")
    assert told["server.host"] == ("127.0.0.1", "default")
    assert told["models.short.targets"] == ("openai/x", "tollbar.yaml, line 1")
    assert told["models.long.price.output"] == ("0.6", "tollbar.yaml, line 1")
    assert told["llm.api_key"] == ("***", "environment: LLM_API_KEY")
    assert told["OPENAI_API_KEY"] == ("***", "environment")
    assert told["tiers.basic.cost"] == ("2", "default")
    assert [name for name in told if name.startswith("models.")] == [
        "models.short.targets",
        "models.long.targets",
        "models.long.price.input",
        "models.long.price.output",
    ]
    assert "hush" not in str(listed)
