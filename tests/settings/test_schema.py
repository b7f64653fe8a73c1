"""The schema by which editors check tollbar.yaml."""

from typing import Any

import jsonschema_rs
import pytest
import yaml

from tests.settings.test_loading import CONTRACT
from tollbar.settings.schema import json_schema


@pytest.fixture(scope="module")
def validator() -> Any:
    """What an editor has of the schema."""
    return jsonschema_rs.Draft202012Validator(json_schema())


def test_the_contract_s_example_fits(validator: Any) -> None:
    """The example of the contract is valid, references and short forms included."""
    assert [str(error) for error in validator.iter_errors(yaml.safe_load(CONTRACT))] == []


def test_references_may_stand_for_numbers(validator: Any) -> None:
    """Where a number or a truth is wanted, `${NAME}` may stand, and other text may not."""
    assert validator.is_valid({"server": {"port": "${PORT}"}, "debug": "${DEBUG}"})
    assert not validator.is_valid({"server": {"port": "http"}})


@pytest.mark.parametrize(
    "wrong",
    [
        {"serer": {}},
        {"server": {"port": -1}},
        {"models": {"m": {"targts": []}}},
        {"models": {"m": "no-slash"}},
        {"ledger": {"durability": "x"}},
        {"limits": {"per_address": ["often"]}},
    ],
)
def test_what_the_loader_refuses_does_not_fit(validator: Any, wrong: object) -> None:
    """Unknown keys, bounds, choices and forms are marked in the editor already."""
    assert not validator.is_valid(wrong)


def test_one_entry_may_stand_without_its_list(validator: Any) -> None:
    """Names and rates may be written without their list, as the loader reads them."""
    assert validator.is_valid({"models": {"m": {"targets": "a/b"}}, "anonymous": {"limits": "5/day"}})


def test_a_setting_is_not_lost_for_its_name() -> None:
    """Settings that are called like words of the table are in the schema, with their text."""
    properties = json_schema()["properties"]
    assert "`development`" in properties["environment"]["description"]
    assert properties["debug"]["description"].startswith("Log more")


def test_what_is_planned_says_so() -> None:
    """A setting that has no effect yet tells it where an editor shows its text; one that has does not."""
    schema = json_schema()
    ledger = schema["$defs"]["Ledger"]["properties"]
    kept = schema["$defs"]["Requests"]["properties"]
    assert kept["log_bodies"]["description"].startswith("Planned: has no effect yet. Keep prompts")
    assert schema["properties"]["defaults"]["description"].startswith("What the simple endpoints use")
    assert "Planned" not in str(ledger["strict"])
    assert "planned" not in str(schema).replace("Planned", "")
