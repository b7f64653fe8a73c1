"""`tollbar init` and `tollbar admin reset`."""

import json
from pathlib import Path

import jsonschema_rs
import yaml

from tests.cli.running import Terminal
from tollbar.cli.starting import STARTER
from tollbar.domain.identity import is_well_formed


def test_init_writes_settings_that_hold(terminal: Terminal) -> None:
    """The first file is valid for the loader, and for the schema beside it."""
    said = terminal.good("init")
    assert said.out.splitlines() == ["tollbar.yaml", "tollbar.schema.json"]
    terminal.good("check")
    schema = json.loads(Path("tollbar.schema.json").read_text())
    values = yaml.safe_load(Path("tollbar.yaml").read_text())
    assert jsonschema_rs.Draft202012Validator(schema).is_valid(values)


def test_the_examples_in_the_first_file_hold_too(terminal: Terminal) -> None:
    """With the comment signs removed, the file is still valid."""
    lines = STARTER.replace(" {}\n", "\n").splitlines()
    opened = [line.replace("  # ", "  ", 1) if line.startswith("  # ") else line for line in lines]
    tops = ("# default_model", "# cors", "# logging")
    opened = [line.removeprefix("# ") if line.startswith(tops) else line for line in opened]
    Path("tollbar.yaml").write_text("\n".join(opened) + "\n")
    value = terminal.good("check", "--json", environment={"OPENAI_API_KEY": "sk-real"}).value
    settings = {row["name"]: row["value"] for row in value["settings"]}
    assert settings["models.smart.targets"] == "main/gpt-4o, lab/qwen3"
    assert (settings["models.gpt-3.5-turbo.alias"], settings["default_model"]) == ("smart", "smart")
    assert (settings["cors.origins"], settings["logging.keep"]) == ("https://app.example", "5")


def test_init_overwrites_nothing_unless_told(terminal: Terminal) -> None:
    """A file that is there stays, until --force."""
    Path("tollbar.yaml").write_text("mine")
    said = terminal.run("init")
    assert (said.status, "--force" in said.err, Path("tollbar.yaml").read_text()) == (1, True, "mine")
    assert not Path("tollbar.schema.json").exists()
    terminal.good("init", "--force")
    assert Path("tollbar.yaml").read_text() == STARTER


def test_init_writes_elsewhere(terminal: Terminal) -> None:
    """A folder may be named, and is made; one that cannot be made is told."""
    assert terminal.good("init", "a/b").out.splitlines() == ["a/b/tollbar.yaml", "a/b/tollbar.schema.json"]
    said = terminal.run("init", "a/b/tollbar.yaml/c")
    assert (said.status, said.err.startswith("tollbar: a/b/tollbar.yaml")) == (1, True)


def test_a_reset_makes_a_new_admin_key(terminal: Terminal) -> None:
    """The new key is written; the one before is not listed as a second admin."""
    first = terminal.good("admin", "reset")
    assert (is_well_formed(first.out.strip()), "Every earlier admin key has stopped" in first.err) == (True, True)
    second = terminal.good("admin", "reset", "--quiet")
    assert (is_well_formed(second.out.strip()), second.out != first.out, second.err) == (True, True, "")
    made = terminal.good("admin", "reset", "--json").value
    assert (made["permission"], is_well_formed(made["key"])) == ("admin", True)
    listed = terminal.good("keys", "list", "--json").value["data"]
    assert [key["name"] for key in listed] == ["admin"]


def test_a_configured_admin_key_is_not_reset(terminal: Terminal) -> None:
    """Where the environment says what the admin key is, it is changed there."""
    said = terminal.run("admin", "reset", environment={"TOLLBAR_ADMIN_KEY": "gT5kq0Lw2Zx8Vb3Nm6Yc1Ra7"})
    assert (said.status, "TOLLBAR_ADMIN_KEY" in said.err) == (1, True)
