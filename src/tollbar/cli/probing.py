"""Drives a running server through the rows of `probes.py`, and through what every address must do.

Guarantees: what is asked is what the server's own /openapi.json lists; an address without a row is told, so that
nothing passes for tested that was not. What it changes is one key, which it makes and ends. Keys are never shown.
"""

import re
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

import typer

from tollbar.cli import output
from tollbar.cli.client import Client, Reply, Trouble
from tollbar.cli.dialect_probes import DIALECT_PROBES
from tollbar.cli.faults import FAILED
from tollbar.cli.probes import (
    LAST_PROBES,
    NOT_DRIVEN,
    PROBES,
    Probe,
    Who,
    encode,
    files_of,
    filled,
    is_error,
    names_allow,
)

READ_SECONDS = 60.0
LONGEST_WAIT_SECONDS = 5.0
"""A limit that is open again within this is waited for; another leaves the row out."""
EVERYWHERE = ("x-request-id", "x-process-time")
"""The headers that every answer must carry."""
OK, FAIL, LEFT_OUT = "ok", "FAIL", "left out"
GUIDE = "tollbar-guide"
NEEDS = "needs"
ASSET = Probe(
    "a file of the documents:", "GET", "/docs/assets/{name}", check=lambda reply: "" if reply.body else "empty"
)
ROWS = (*PROBES, *DIALECT_PROBES, *LAST_PROBES)
_BRACES = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one row went; `fault` says what is wrong, or why it was left out."""

    state: str
    method: str
    path: str
    what: str
    milliseconds: int = 0
    fault: str = ""


@dataclass(slots=True)
class Drive:
    """One drive: who asks with which key, and what earlier rows kept for later ones."""

    url: str
    keys: dict[Who, str]
    values: dict[str, str] = field(default_factory=dict)

    def ask(self, probe: Probe) -> tuple[Outcome, Reply | None]:
        """One row, and the answer if there was one."""
        given = {**self.values, **{name: str(filled(text, self.values)) for name, text in probe.given}}
        missing = [name for name in _BRACES.findall(probe.path) if given.get(name, "{").startswith("{")]
        if missing:
            return _outcome(probe, LEFT_OUT, fault=f"an earlier check gave no {missing[0]}"), None
        if probe.who not in self.keys:
            return _outcome(probe, LEFT_OUT, fault=f"{NEEDS} {probe.who.value}"), None
        path = _BRACES.sub(lambda found: quote(given[found[1]], safe="/"), probe.path)
        client = Client(self.url, self.keys[probe.who], READ_SECONDS)
        began = time.perf_counter()
        try:
            reply = client.send(probe.method, path + probe.query, encode(probe.body, given), probe.headers)
        except Trouble as trouble:
            return _outcome(probe, FAIL, fault=trouble.message), None
        milliseconds = int((time.perf_counter() - began) * 1_000)
        if reply.status == 429 and 429 not in probe.status:
            return self._again(probe, reply)
        fault = _fault(probe, reply)
        return _outcome(probe, FAIL if fault else OK, milliseconds, fault), reply

    def ask_anything(self, probe: Probe) -> Outcome:
        """A row whose path is taken as it is written, with anything in its braces."""
        outcome, _ = self.ask(replace(probe, given=tuple((name, "x") for name in _BRACES.findall(probe.path))))
        return outcome

    def _again(self, probe: Probe, reply: Reply) -> tuple[Outcome, Reply | None]:
        """The row once more, if the limit is open again soon; limits are the server's right, and no fault."""
        wait = reply.headers.get("retry-after", "")
        if not wait.isdigit() or int(wait) > LONGEST_WAIT_SECONDS:
            return _outcome(probe, LEFT_OUT, fault=f"a rate limit, for {wait or 'some'} seconds"), None
        time.sleep(int(wait))
        return self.ask(probe)

    def keep(self, probe: Probe, reply: Reply) -> None:
        """Remembers what later rows need."""
        document = reply.json()
        for name, kept_as in probe.keep:
            if isinstance(document, dict) and isinstance(document.get(name), str):
                self.values[kept_as] = document[name]
        if "made_key" in self.values:
            self.keys.setdefault(Who.CALLER, self.values["made_key"])


def smoke(url: str, key: str | None, admin_key: str | None, model: str | None, as_json: bool) -> None:
    """Drives the server and says how it went; raises typer.Exit where something failed."""
    from tollbar.cli.context import command_key
    from tollbar.settings import read_environment

    address = (url if "://" in url else f"http://{url}").rstrip("/").removesuffix("/v1")
    keys = {Who.NOBODY: "", Who.STRANGER: f"sk-{secrets.token_hex(16)}"}
    keys |= {Who.CALLER: given} if (given := command_key() if key is None else key) else {}
    given = read_environment().get("TOLLBAR_ADMIN_KEY", "") if admin_key is None else admin_key
    keys |= {Who.ADMIN: given} if given else {}
    drive = Drive(address, keys, {"name": f"smoke-{secrets.token_hex(4)}", **({"model": model} if model else {})})
    outcomes: list[Outcome] = []
    try:
        for outcome in run(drive, _document(Client(address))):
            outcomes.append(outcome)
            if not as_json:
                _say(outcome)
    except Trouble as trouble:
        output.complain(trouble.message, trouble.hint)
        raise typer.Exit(FAILED) from None
    _conclude(outcomes, as_json)


def run(drive: Drive, document: Mapping[str, Any]) -> Iterator[Outcome]:
    """Every row that the server's document has an address for, then what every address must do."""
    operations = {(verb.upper(), path) for path, verbs in document["paths"].items() for verb in verbs}
    files: list[str] = []
    for probe in ROWS:
        if (probe.method, probe.path) not in operations:
            continue
        if Who.CALLER in drive.keys and "model" not in drive.values:
            _choose_model(drive)
        outcome, reply = drive.ask(probe)
        if reply is not None and outcome.state == OK:
            drive.keep(probe, reply)
            files += files_of(reply) if probe.path in {"/docs", "/redoc"} else []
        yield outcome
    for name in dict.fromkeys(files):
        yield drive.ask(replace(ASSET, what=f"{ASSET.what} {name}", given=(("name", name),)))[0]
    yield from _everywhere(drive, document, operations)


def _everywhere(drive: Drive, document: Mapping[str, Any], operations: set[tuple[str, str]]) -> Iterator[Outcome]:
    """What holds for any address: a closed one wants a key, and there is no other method, and no other address."""
    is_open = Client(drive.url).send("GET", "/v1/models").status == 200
    rows = {(probe.method, probe.path) for probe in ROWS}
    for method, path in sorted(operations, key=lambda operation: operation[1]):
        access = document["paths"][path][method.lower()].get("x-access")
        if access == "admin" or (access in {"key", "counted"} and not is_open):
            # An address of which too many keyless requests came is told to wait, which keeps it out as well.
            yield drive.ask_anything(Probe("without a key", method, path, status=(401, 429), check=is_error))
        if (method, path) in NOT_DRIVEN:
            yield Outcome(LEFT_OUT, method, path, "answers", fault=NOT_DRIVEN[method, path])
        elif (method, path) not in rows and path != ASSET.path:
            yield Outcome(FAIL, method, path, "answers", fault="no check is written for it: see cli/probes.py")
    for path, verbs in document["paths"].items():
        other = next(method for method in ("DELETE", "PUT", "PATCH", "TRACE") if method.lower() not in verbs)
        yield drive.ask_anything(Probe("another method", other, path, status=(405,), check=names_allow))
    yield drive.ask(Probe("no such address", "GET", "/no/such/address", status=(404,), check=is_error))[0]


def _choose_model(drive: Drive) -> None:
    """The guide where it is, since it costs nothing; else the first model that the key may use."""
    document = Client(drive.url, drive.keys[Who.CALLER]).send("GET", "/v1/models").json()
    entries = document.get("data") if isinstance(document, dict) else None
    names = [str(entry.get("id")) for entry in entries or [] if isinstance(entry, dict)]
    if names:
        drive.values["model"] = GUIDE if GUIDE in names else names[0]


def _document(client: Client) -> Mapping[str, Any]:
    document = client.send("GET", "/openapi.json").json()
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        hint = "Check the address, and that the setting 'server.documents' is on."
        raise Trouble(f"What answers at {client.url} has no /openapi.json, so it is no Tollbar.", hint)
    return document


def _fault(probe: Probe, reply: Reply) -> str:
    if reply.status not in probe.status:
        expected = " or ".join(map(str, probe.status))
        return f"answered {reply.status} in place of {expected}: {_words(reply)}"
    lacking = [name for name in EVERYWHERE if name not in reply.headers]
    return f"lacks the header {lacking[0]}" if lacking else probe.check(reply)


def _words(reply: Reply) -> str:
    document = reply.json()
    error = document.get("error") if isinstance(document, dict) else None
    told = error.get("message") if isinstance(error, dict) else reply.body[:200].decode("utf-8", "replace")
    return str(told)[:200]


def _outcome(probe: Probe, state: str, milliseconds: int = 0, fault: str = "") -> Outcome:
    return Outcome(state, probe.method, probe.path + probe.query.partition("&")[0], probe.what, milliseconds, fault)


def _say(outcome: Outcome) -> None:
    time_taken = f"{outcome.milliseconds:,} ms" if outcome.state == OK else ""
    line = f"{outcome.state:<8}  {outcome.method:<6} {outcome.path}  {outcome.what}  {time_taken or outcome.fault}"
    output.say(output.clean(line.rstrip()))


def _conclude(outcomes: list[Outcome], as_json: bool) -> None:
    counts = {state: sum(outcome.state == state for outcome in outcomes) for state in (OK, FAIL, LEFT_OUT)}
    if as_json:
        fields = ("state", "method", "path", "what", "milliseconds", "fault")
        rows = [{name: getattr(outcome, name) for name in fields} for outcome in outcomes]
        output.say_json({"ok": counts[FAIL] == 0, "checks": rows})
    else:
        output.say()
        output.say(f"{len(outcomes)} checks: {counts[OK]} ok, {counts[FAIL]} failed, {counts[LEFT_OUT]} left out.")
        if any(outcome.fault.startswith(NEEDS) for outcome in outcomes):
            output.note("With --key and --admin-key (TOLLBAR_KEY, TOLLBAR_ADMIN_KEY) the rest is driven too.")
    if counts[FAIL]:
        raise typer.Exit(FAILED)
