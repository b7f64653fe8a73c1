"""`tollbar init` and `tollbar admin reset`: what an operator does once, or hopefully never."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tollbar.cli import output
from tollbar.cli.faults import FAILED, spoken
from tollbar.cli.options import Config, Data, Json, app

if TYPE_CHECKING:
    from tollbar.admin.keys import IssuedKey

SCHEMA_FILE = "tollbar.schema.json"
SETTINGS_FILE = "tollbar.yaml"
STARTER = """\
# yaml-language-server: $schema=./tollbar.schema.json
# The settings of Tollbar. `tollbar check` says whether they hold, and shows every setting with its value.
# Keys belong into the environment or into .env; here they are referred to, as ${NAME} or file:PATH.

# Who answers. A vendor's usual environment name is enough by itself: with OPENAI_API_KEY set, OpenAI's models can be
# called as openai/NAME without a line here.
providers: {}
  # main: {vendor: openai, api_key: "${OPENAI_API_KEY}"}
  # lab:  {wire: openai, base_url: "http://127.0.0.1:8080/v1"}   # any server that speaks OpenAI's protocol

# What callers may ask for.
models: {}
  # gpt-4o: main/gpt-4o                                  # one target
  # smart:
  #   targets: [main/gpt-4o, lab/qwen3]                  # the second where the first fails
  #   multiplier: 3                                      # a call costs three times the credits
  # gpt-3.5-turbo: {alias: smart}

# default_model: smart                                   # what the simple endpoints use

# cors: {origins: ["https://app.example"]}               # the sites whose web pages may call
# logging: {max_bytes: 16777216, keep: 5}                # how large app.log becomes, and how many are kept
"""

admin = app("Look after the administration itself.")


def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write them.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
) -> None:
    """Write a first tollbar.yaml.

    Beside it lies a schema by which editors complete and check it.
    """
    from tollbar.settings.schema import json_schema

    files = {SETTINGS_FILE: STARTER, SCHEMA_FILE: json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"}
    present = [folder / name for name in files if (folder / name).exists()]
    if present and not force:
        output.complain(f"{' and '.join(map(str, present))} would be overwritten.", "Add --force if that is meant.")
        raise typer.Exit(FAILED)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
            output.say(str(folder / name))
    except OSError as fault:
        output.complain(f"{fault.filename}: {fault.strerror}.")
        raise typer.Exit(FAILED) from None


@admin.command("reset")
def reset(
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Write the key alone.")] = False,
    as_json: Json = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """Make a new admin key and end all others.

    For when it was lost, or seen by others.
    """
    from tollbar.admin.bootstrap import BootstrapError, reset_admin_key
    from tollbar.cli.context import read_settings
    from tollbar.cli.store import open_store
    from tollbar.cli.telling import describe

    async def renew() -> "IssuedKey":
        settings = read_settings(config, data)
        if settings.admin_key is not None:
            raise BootstrapError("The admin key comes from TOLLBAR_ADMIN_KEY. Change it there, and restart Tollbar.")
        async with open_store(settings) as desk:
            return await reset_admin_key(desk.keys, desk.clock, desk.digest)

    with spoken():
        issued = asyncio.run(renew())
    if quiet:
        output.say(issued.secret)
    elif as_json:
        output.say_json({**describe(issued.key, issued.key.created_at), "key": issued.secret})
    else:
        output.note("Every earlier admin key has stopped. The new one is shown this once; keep it safe:")
        output.say(issued.secret)
