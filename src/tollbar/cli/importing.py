"""`tollbar import`: takes over the keys of a system that Tollbar takes the place of."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tollbar.cli import output
from tollbar.cli.faults import FAILED, spoken
from tollbar.cli.options import Config, Data

if TYPE_CHECKING:
    from tollbar.admin.importing import RotatingImport, TableImport

SHORT = 16
"""Characters below which a key can be guessed in earnest."""


def take_over(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="current_key.json, or a table of keys.")],
    config: Config = None,
    data: Data = None,
) -> None:
    """Take over keys from another system.

    They work on as they are. FILE is a current_key.json, which becomes the rotating key, or a table of keys with their
    credits and tiers, as JSON or as the Python source that holds it. Importing again adds what is missing.
    """
    from tollbar.admin.importing import RotatingImport, read_import

    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else "not UTF-8 text"
        output.complain(f"{file} cannot be read: {reason}.")
        raise typer.Exit(FAILED) from None
    with spoken():
        found = read_import(text)
        if isinstance(found, RotatingImport):
            asyncio.run(_rotating(found, config, data))
        else:
            asyncio.run(_table(found, config, data))
            short = sum(len(secret) < SHORT for secret in found.rows)
            if short:
                output.note(
                    f"note: {short} of these keys can be guessed; 'tollbar keys rotate' gives them long secrets."
                )


async def _rotating(found: "RotatingImport", config: Path | None, data: Path | None) -> None:
    from tollbar.cli.store import open_desk
    from tollbar.domain.errors import InvalidValue

    async with open_desk(config, data) as desk:
        if desk.rotating is None:
            hint = "Set ADMIN_SECRET first, to what it was."
            raise InvalidValue("Without an admin secret there is no rotating key.", field="file", hint=hint)
        shown = await desk.rotating.adopt(found.secret, found.expires_at)
    output.say(f"The rotating key is the one of the file, until {shown.expires_at:%Y-%m-%d %H:%M} UTC.")


async def _table(found: "TableImport", config: Path | None, data: Path | None) -> None:
    from tollbar.admin.importing import import_table
    from tollbar.cli.store import open_desk

    async with open_desk(config, data) as desk:
        imported = await import_table(desk.keys, desk.clock, desk.digest, found, desk.tiers)
    for key in imported.keys:
        left = ", ".join(output.allowance(allowance) for allowance in key.allowances)
        output.say(f"{key.name}  {key.hint}  {key.tier or 'no tier'}  {left or 'no bounds'}")
    if imported.known:
        output.note(f"{imported.known} of the keys were there already, and stay as they are.")
