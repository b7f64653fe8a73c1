"""`tollbar audit`, over a real store."""

import sqlite3
from contextlib import closing

from tests.cli.running import Terminal


def test_who_changed_what_is_shown(terminal: Terminal) -> None:
    """With the user of the command line, for people and for programs; no secret is in it."""
    secret = terminal.good("keys", "create", "--name", "ana", "--credits", "5", "-q").out.strip()
    terminal.good("keys", "update", "ana", "--credits", "9")
    shown = terminal.good("audit", "list").out
    assert "key.update" in shown
    assert secret[18:] not in shown
    newest, first = terminal.good("audit", "list", "--json").value["data"]
    assert (newest["number"], newest["action"], first["action"]) == (2, "key.update", "key.create")
    assert newest["actor"].startswith("command line of ")
    assert terminal.good("audit", "list", "--actor", "nobody").out == "There is no such change.\n"


def test_an_audit_that_was_changed_is_found(terminal: Terminal) -> None:
    """The command fails, and says from where on."""
    terminal.good("keys", "create", "--name", "ana", "-q")
    assert terminal.good("audit", "verify").out.startswith("1 entry, each as it was written")
    with closing(sqlite3.connect(terminal.directory / "data" / "tollbar.db")) as connection, connection:
        connection.execute("UPDATE audit SET actor = 'nobody'")
    said = terminal.run("audit", "verify")
    assert (said.status, "Entry 1 " in said.err) == (1, True)
