"""`tollbar docs write`: the reference pages that are made from the tables in the source, so that they cannot be wrong.

A page is a pure function of the source; a test compares each with its file.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tollbar.cli import output
from tollbar.cli.options import app
from tollbar.domain import errors

if TYPE_CHECKING:
    from tollbar.settings.describe import Block, Row

MADE = "<!-- Made by `tollbar docs write` from the tables in the source. Change those, not this page. -->\n"

_PLANNED = "**Planned: has no effect yet.**"

commands = app("Work on Tollbar's documentation.")


@commands.command("write")
def write(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the documentation lies.")] = Path("docs"),
) -> None:
    """Write the reference pages anew."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")
        output.say(str(folder / name))


def configuration() -> str:
    """The page of every setting."""
    from tollbar.settings.describe import blocks

    head = f"""\
# Configuration

{MADE}
Settings come from five places, from the weakest to the strongest:

1. the defaults below;
2. the settings file `tollbar.yaml` (`TOLLBAR_CONFIG` or `--config` name another);
3. a file `.env` in the directory where Tollbar is started;
4. the environment;
5. the options of the command.

A name that does not exist is an error in the file, and in the environment if it begins with `TOLLBAR_`. Everything
that is wrong is reported at once, with its place and its remedy. `tollbar check` does so without starting anything, and
shows each value with where it came from; `tollbar init` writes a first file, and a schema for editors.

Any text in the file may hold `${{NAME}}`, which stands for that environment variable, from `.env` too. A secret may
also be `file:PATH`, which stands for the content of a file; a relative path starts at the settings file. Secrets are
never shown. A rate is written `20/minute` (`second`, `minute`, `hour` or `day`).

An environment variable that is empty counts as not set. Of several names in one row the first that is set goes before
the others.

What is marked as planned is read and checked, but nothing uses it yet; a start says so of those that are set.
"""
    return "\n".join([head, *(_block(block) for block in blocks())])


def error_reference() -> str:
    """The page of every error."""
    head = f"""\
# Errors

{MADE}
What can go wrong with a call, and what callers see of it. Every answer carries `x-request-id`, which finds the log
line. Where a caller's own retry cannot help, the answer says `x-should-retry: false`, which the SDKs obey.

Code and status are those at the addresses of OpenAI's dialect. Those of Anthropic's answer in its shape and by its
types; there `OutOfCredit` has status 402, and `Overloaded` and `UpstreamBusy` have 529. Every other address answers in
the unified shape,
`{{"error": {{"code", "message", "status", "field"?, "details"}}}}`, with the unified code and its status.
"""
    from tollbar.wire.simple.errors import row_of

    table = [
        "| error | code | status | unified code | its status | own retry helps | when |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind in _error_kinds(errors.GatewayError):
        retry = "yes" if kind.may_retry else "no"
        code, status = row_of(kind)
        told = f"| `{kind.__name__}` | `{kind.code}` | {kind.status} | `{code}` | {status} | {retry} |"
        table.append(f"{told} {_first_line(kind)} |")
    return "\n".join([head, *table, ""])


def metrics_reference() -> str:
    """The page of every metric."""
    from tollbar.metrics import DESCRIPTIONS

    head = f"""\
# Metrics

{MADE}
`GET /metrics` gives these in Prometheus' text format, and the process's own (`process_*`: memory, time, files). Times
are in seconds. No label holds a key, a caller's address or anything a caller chose freely; a label that would take too
many values says `other`.
"""
    table = ["| metric | kind | labels | what it says |", "|---|---|---|---|"]
    for one in DESCRIPTIONS:
        labels = ", ".join(f"`{label}`" for label in one.labels)
        table.append(f"| `{one.name}` | {one.kind} | {labels} | {one.text} |")
    return "\n".join([head, *table, ""])


def endpoints() -> str:
    """The page of every address."""
    from tollbar.edge.reference import reference

    return reference()


PAGES: Mapping[str, Callable[[], str]] = {
    "configuration.md": configuration,
    "endpoints.md": endpoints,
    "errors.md": error_reference,
    "metrics.md": metrics_reference,
}


def _block(block: "Block") -> str:
    title = f"`{block.name}`" if block.name else "Top level"
    lines = [f"## {title}", "", f"{block.text} {_PLANNED}" if block.is_planned else block.text, ""]
    if block.rows:
        lines += ["| setting | type | default | environment | what it does |", "|---|---|---|---|---|"]
        lines += [_row(row, says_planned=row.is_planned and not block.is_planned) for row in block.rows]
        lines.append("")
    return "\n".join(lines)


def _row(row: "Row", says_planned: bool) -> str:
    kind = f"{row.kind}, {row.unit}" if row.unit else row.kind
    names = ", ".join(f"`{name}`" for name in row.environment)
    default = row.default if row.default in {"none", "required", "empty"} else f"`{row.default}`"
    cells = (f"`{row.location[-1]}`", kind, default, names, f"{_PLANNED} {row.text}" if says_planned else row.text)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _error_kinds(kind: type[errors.GatewayError]) -> Iterator[type[errors.GatewayError]]:
    if kind is not errors.GatewayError:
        yield kind
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from _error_kinds(child)


def _first_line(kind: type[errors.GatewayError]) -> str:
    return (kind.__doc__ or "").partition("\n")[0]
