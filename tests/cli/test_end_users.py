"""`tollbar keys end-users` and `tollbar teams end-users`, over a real store."""

import asyncio

from tests.cli.running import Terminal
from tollbar.cli.store import open_desk
from tollbar.domain.identity import EndUserTerms


def see(terminal: Terminal, owner: str, name: str) -> None:
    """Has a call name an end user."""

    async def admit() -> None:
        async with open_desk(None, terminal.directory / "data") as desk:
            await desk.end_users.admit(owner, name, EndUserTerms())

    asyncio.run(admit())


def test_each_is_granted_something_and_one_is_blocked(terminal: Terminal) -> None:
    """In words and as JSON, of a key and of a team."""
    terminal.good("keys", "create", "--name", "app", "-q")
    terminal.good("teams", "create", "--name", "lab")
    for group, name in (("keys", "app"), ("teams", "lab")):
        assert "not told apart" in terminal.good(group, "end-users", name).err
        options = "--credits 50 --dollars 0.5 --reset day --optional"
        said = terminal.good(group, "end-users", name, *options.split()).err
        assert "50 credits a day, $0.50 a day. A call may name none." in said
        owner = terminal.good(group, "show", name, "--json").value["id"]
        assert "50 credits a day" in terminal.good(group, "show", name).out
        see(terminal, owner, "customer-17")
        listed = terminal.good(group, "end-users", name, "--block", "customer-17")
        assert ("customer-17" in listed.out, "blocked" in listed.out) == (True, True)
        told = terminal.good(group, "end-users", name, "--unblock", "customer-17", "--json").value
        assert [(one["name"], one["blocked_at"]) for one in told["data"]] == [("customer-17", None)]
        erased = terminal.good(group, "end-users", name, "--erase", "customer-17", "--json").value
        assert [(one["name"][:7], one["id"]) for one in erased["data"]] == [("erased-", told["data"][0]["id"])]
        assert terminal.run(group, "end-users", name, "--renew", "nobody").status != 0
        assert terminal.good(group, "end-users", name, "--off", "--json").value["terms"]["told_apart"] is False
