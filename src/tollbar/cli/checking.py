"""`tollbar check` and `tollbar doctor`: whether the settings hold, and whether the machine does."""

import asyncio
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tollbar.cli import output
from tollbar.cli.faults import FAILED, say_faults, spoken
from tollbar.cli.options import Config, Data, Json

if TYPE_CHECKING:
    from tollbar.settings import Settings

OK, WARNING, WRONG = "ok", "note", "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What the doctor says of one thing. `remedy` is empty where there is nothing to do."""

    level: str
    thing: str
    text: str
    remedy: str = ""


def check(
    as_json: Json = False,
    changed: Annotated[bool, typer.Option("--changed", help="Leave out what is at its default.")] = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """Check the settings, and show what is in force.

    Each setting is shown with its value and with where that came from; secrets are masked. Whatever is wrong is listed
    at once, and the status is 1.
    """
    from tollbar.cli.context import read_settings
    from tollbar.settings import SettingsError, effective

    try:
        settings = read_settings(config, data)
    except SettingsError as error:
        if as_json:
            faults = [
                {"place": fault.place, "key": fault.key, "wrong": fault.wrong, "remedy": fault.remedy}
                for fault in error.faults
            ]
            output.say_json({"ok": False, "faults": faults, "warnings": [], "settings": []})
        else:
            say_faults(error.faults)
        raise typer.Exit(FAILED) from None
    rows = [row for row in effective(settings) if not changed or row.origin != "default"]
    if as_json:
        shown = [{"name": row.name, "value": row.value, "origin": row.origin} for row in rows]
        output.say_json({"ok": True, "faults": [], "warnings": list(settings.warnings), "settings": shown})
        return
    output.say_table(("setting", "value", "from"), [(row.name, row.value, row.origin) for row in rows])
    for warning in settings.warnings:
        output.note(f"note: {warning}")


def doctor(as_json: Json = False, config: Config = None, data: Data = None) -> None:
    """Look at everything that a start needs.

    That is the settings, the data directory, the secret, the store, the port and the providers. Nobody is called.
    """
    from tollbar.cli.context import read_settings

    with spoken():
        settings = read_settings(config, data)
    findings = [*_examine(settings)]
    if as_json:
        output.say_json(
            [
                {"level": finding.level, "thing": finding.thing, "text": finding.text, "remedy": finding.remedy}
                for finding in findings
            ]
        )
    else:
        width = max(len(finding.thing) for finding in findings)
        for finding in findings:
            output.say(f"{finding.level:<5}  {finding.thing:<{width}}  {output.clean(finding.text)}")
            if finding.remedy:
                output.say(f"{'':<5}  {'':<{width}}  {output.clean(finding.remedy)}")
    if any(finding.level == WRONG for finding in findings):
        raise typer.Exit(FAILED)


def _examine(settings: "Settings") -> Iterator[Finding]:
    yield Finding(OK, "settings", str(settings.config_file or "no settings file; defaults and the environment"))
    for warning in settings.warnings:
        yield Finding(WARNING, "settings", warning)
    data = _data(settings.data)
    yield data
    if data.level != WRONG:
        yield from _secret_and_store(settings)
    yield _port(settings.server.host, settings.server.port)
    yield from _providers(settings)


def _data(path: Path) -> Finding:
    parent = next((folder for folder in (path, *path.absolute().parents) if folder.exists()), path)
    if not os.access(parent, os.W_OK | os.X_OK) or not parent.is_dir():
        return Finding(WRONG, "data", f"{parent} cannot be written to.", "Choose another folder with TOLLBAR_DATA.")
    if not path.exists():
        return Finding(OK, "data", f"{path.absolute()}, made at the first start")
    return Finding(OK, "data", str(path.absolute()))


def _secret_and_store(settings: "Settings") -> Iterator[Finding]:
    from tollbar.admin.bootstrap import SECRET_FILE, BootstrapError, is_private
    from tollbar.domain.errors import GatewayError
    from tollbar.storage.engine import DATABASE, StoreRefused

    secret, database = settings.data / SECRET_FILE, settings.data / DATABASE
    if settings.secret is not None:
        yield Finding(OK, "secret", "from TOLLBAR_SECRET")
    elif not secret.exists() and database.exists():
        remedy = "Restore it from the backup that the store came from, or set TOLLBAR_SECRET."
        yield Finding(
            WRONG, "secret", f"{secret} is missing, and the store's keys are worth nothing without it.", remedy
        )
        return
    elif not secret.exists():
        yield Finding(OK, "secret", "made at the first start")
    elif not is_private(secret):
        yield Finding(WARNING, "secret", f"Others on this machine can read {secret}.", f"chmod 600 {secret}")
    else:
        yield Finding(OK, "secret", str(secret))
    if not database.exists():
        yield Finding(OK, "store", "made at the first start")
        return
    try:
        count = asyncio.run(_count_keys(settings))
    except (StoreRefused, BootstrapError, GatewayError) as fault:
        yield Finding(WRONG, "store", str(fault))
    else:
        yield Finding(OK, "store", f"{database} opens with this secret, {count} {'key' if count == 1 else 'keys'}")


async def _count_keys(settings: "Settings") -> int:
    from tollbar.cli.store import open_store

    async with open_store(settings) as desk:
        return len(await desk.keys.list())


def _port(host: str, port: int) -> Finding:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as sock:
            if os.name != "nt":  # as servers do, so that connections that are dying do not count
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address)
    except OSError as fault:
        remedy = "If that is Tollbar, all is well; else choose another with --port or API_PORT."
        return Finding(WARNING, "port", f"{host}:{port} cannot be had: {fault.strerror}.", remedy)
    return Finding(OK, "port", f"{host}:{port} is free" if port else f"any free one on {host}")


def _providers(settings: "Settings") -> Iterator[Finding]:
    from tollbar.providers import vendors

    table = vendors.load()
    environment = {name: secret.reveal() for name, secret in settings.secrets.items()}
    for name, provider in settings.providers.items():
        try:
            vendor = table[provider.vendor] if provider.vendor else vendors.custom(name, provider.wire or "")
            key = provider.api_key.reveal() if provider.api_key else ""
            made = vendors.configure(
                name, vendor, environment, key, provider.base_url or "", f"providers.{name}.api_key"
            )
        except vendors.VendorFaults as faults:
            for fault in faults.faults:
                yield Finding(WRONG, "provider", fault)
        else:
            with_key = f"with a key from {made.credential}" if made.api_key or made.finds_key else "without a key"
            yield Finding(OK, "provider", f"{name} at {made.base_url}, {with_key}")
    found = vendors.find_configured(table, environment)
    for instance in found.instances:
        yield Finding(OK, "provider", f"{instance.name}, with a key from {instance.credential}")
    for reason in found.unusable.values():
        yield Finding(WARNING, "provider", reason)
    if not settings.providers and not found.instances:
        remedy = "Set a provider's key, such as OPENAI_API_KEY; until then the built-in guide answers."
        yield Finding(WARNING, "provider", "None is set up.", remedy)
