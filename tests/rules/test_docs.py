"""The documentation is whole: what the tables hold is told, made pages are fresh, links lead somewhere, blocks run.

A fenced block whose first line is marked `run` (three backticks, `sh run`) is executed by bash in an empty directory.
"""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from tests.rules.source import ROOT, refuse
from tollbar.cli.__main__ import commands
from tollbar.cli.documents import PAGES as MADE
from tollbar.domain.errors import GatewayError
from tollbar.edge.routes import CALLS, PAGES, public_path
from tollbar.metrics import DESCRIPTIONS
from tollbar.settings.describe import rows

SECONDS_TO_RUN = 60
LINK = re.compile(r"\[[^\]\n]+\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
RUN = re.compile(r"^```(?:sh|bash) run\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED_FILE = re.compile(r"`((?:[\w-]+/)+[\w-]+\.(?:py|toml|md))`")
# Where a page may mean a file to be when it names one without a link.
FOLDERS = (ROOT, ROOT / "src" / "tollbar")


def texts() -> dict[str, str]:
    """Every page for people, by its path."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in sorted(pages)}


def page(name: str) -> str:
    """A page of the folder docs; empty when there is none."""
    path = ROOT / "docs" / name
    return path.read_text(encoding="utf-8") if path.exists() else ""


def untold(wanted: Iterable[str], text: str) -> list[str]:
    """What a text does not hold."""
    return [one for one in wanted if one not in text]


def errors(kind: type[GatewayError] = GatewayError) -> Iterator[type[GatewayError]]:
    """Every class of the tree below one."""
    for child in kind.__subclasses__():
        if child.__module__ == GatewayError.__module__:
            yield child
            yield from errors(child)


def command_names(command: Any, name: str = "tollbar") -> Iterator[str]:
    """Each command as one writes it, those of groups included."""
    children: Mapping[str, Any] = getattr(command, "commands", {})
    if not children:
        yield name
    for word, child in children.items():
        yield from command_names(child, f"{name} {word}")


def anchors(text: str) -> set[str]:
    """What a page's headings are called in addresses, as GitHub makes it of them."""
    heads = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def lost_links(pages: Mapping[str, str]) -> list[str]:
    """Each link within the project whose file, or whose heading, is not there."""
    lost: list[str] = []
    for name, text in pages.items():
        for target in LINK.findall(FENCE.sub("", text)):
            place, _, anchor = target.partition("#")
            if "://" in place or place.startswith("mailto:"):
                continue
            path = ((ROOT / name).parent / place).resolve() if place else ROOT / name
            if not path.exists():
                lost.append(f"{name} links to {target}, which is not there")
            elif anchor and path.suffix == ".md" and anchor not in anchors(path.read_text(encoding="utf-8")):
                lost.append(f"{name} links to {target}, which has no such heading")
    return lost


def lost_files(pages: Mapping[str, str]) -> list[str]:
    """Each file with its folder that a page names, and that is neither in the project nor in the package."""
    return [
        f"{name} names {found}, which is not there"
        for name, text in pages.items()
        for found in NAMED_FILE.findall(FENCE.sub("", text))
        if not any((folder / found).exists() for folder in FOLDERS)
    ]


def failing_blocks(pages: Mapping[str, str], directory: Path) -> list[str]:
    """Each block marked `run` that fails, with what it said."""
    failed: list[str] = []
    path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    for name, text in pages.items():
        for number, block in enumerate(RUN.findall(text)):
            folder = directory / f"{name.replace('/', '-')}-{number}"
            folder.mkdir()
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block],
                cwd=folder,
                env={"PATH": path, "HOME": str(folder)},
                capture_output=True,
                text=True,
                timeout=SECONDS_TO_RUN,
            )
            if done.returncode:
                failed.append(f"{name}: a block fails with {done.returncode}: {done.stderr.strip()[-300:]}")
    return failed


def test_every_address_is_documented() -> None:
    """Each route has its row in docs/endpoints.md."""
    wanted = [f"| `{route.method} {public_path(route.path)}` |" for route in (*CALLS, *PAGES)]
    refuse([f"docs/endpoints.md wants {row}" for row in untold(wanted, page("endpoints.md"))])


def test_every_setting_is_documented() -> None:
    """Each setting has its row, under the heading of its section, in docs/configuration.md."""
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", page("configuration.md"), re.MULTILINE | re.DOTALL))
    faults = []
    for row in rows():
        *section, name = row.location
        head = f"`{'.'.join(section)}`" if section else "Top level"
        if f"| `{name}` |" not in sections.get(head, ""):
            faults.append(f"docs/configuration.md wants {row.name} under {head}")
    refuse(faults)


def test_every_error_is_documented() -> None:
    """Each class and code has its row in docs/errors.md."""
    wanted = [f"| `{kind.__name__}` | `{kind.code}` | {kind.status} |" for kind in errors()]
    assert len(wanted) > 20
    refuse([f"docs/errors.md wants {row}" for row in untold(wanted, page("errors.md"))])


def test_every_metric_is_documented() -> None:
    """Each metric has its row in docs/metrics.md."""
    refuse(
        [f"docs/metrics.md wants {one.name}" for one in DESCRIPTIONS if f"| `{one.name}` |" not in page("metrics.md")]
    )


def test_every_command_is_documented() -> None:
    """Each command stands on some page as one writes it."""
    told = " ".join("\n".join(texts().values()).split())
    names = list(command_names(typer.main.get_command(commands)))
    assert {"tollbar serve", "tollbar keys create", "tollbar docs write"} <= set(names)
    refuse([f"no page shows '{name}'" for name in names if not re.search(rf"{name}\b", told)])


def test_no_made_page_is_stale() -> None:
    """Each page that is made from tables is what the tables say."""
    refuse([f"docs/{name} is stale: run tollbar docs write" for name, make in MADE.items() if page(name) != make()])


def test_links_lead_somewhere() -> None:
    """Each link from a page of ours to a file or a heading of ours finds it, and so does each file that is named."""
    pages = texts()
    for_developers = {name: pages[name] for name in ("docs/journey.md", "docs/extending.md")}
    refuse(lost_links(pages) + lost_files(for_developers))


def test_blocks_that_are_marked_run(tmp_path: Path) -> None:
    """Each does what the page says, in an empty directory."""
    refuse(failing_blocks(texts(), tmp_path))


def test_the_rules_can_fail(tmp_path: Path) -> None:
    """What is missing, lost or broken is named."""
    text = "[a](gone.md) [b](metrics.md#no-such) [c](metrics.md#metrics) [d](https://example.org/x) `edge/gone.py`\n"
    assert lost_links({"docs/x.md": text}) == [
        "docs/x.md links to gone.md, which is not there",
        "docs/x.md links to metrics.md#no-such, which has no such heading",
    ]
    assert lost_files({"docs/x.md": f"{text}`edge/routes.py`"}) == ["docs/x.md names edge/gone.py, which is not there"]
    assert untold(["| `a` |", "| `b` |"], "| `a` |") == ["| `b` |"]
    blocks = {"a.md": "```sh run\ntouch x\n```\n", "b.md": "```bash run\nfalse | cat\n```\n```sh\nfalse\n```\n"}
    assert failing_blocks(blocks, tmp_path) == ["b.md: a block fails with 1: "]
