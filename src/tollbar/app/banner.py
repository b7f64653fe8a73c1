"""What a start tells the person at the terminal: where Tollbar is, the keys made now, and a line to paste."""

from collections.abc import Iterator
from pathlib import Path
from shutil import which

from tollbar.app.wiring import Running
from tollbar.providers.discovery import LocalServer
from tollbar.settings.values import GUIDE

_QUESTION = "How do I give a teammate a key?"


def banner(url: str, running: Running, command: str = "tollbar") -> str:
    """The text of a start; `command` is how Tollbar's is typed here."""
    return "\n".join(_lines(url, running, command))


def own_command(python: str) -> str:
    """How the command beside that Python is typed: by its name where a shell finds it, else, as in a clone, by path."""
    beside = Path(python).with_name("tollbar")
    if which("tollbar") or not beside.exists():
        return "tollbar"
    return str(beside.relative_to(Path.cwd()) if beside.is_relative_to(Path.cwd()) else beside)


def made_keys(running: Running) -> str:
    """The keys made now alone, where a server of others' listens; empty when there are none."""
    lines = []
    if running.admin_key is not None:
        lines.append(f"Admin key, shown this once: {running.admin_key}\n")
    if running.starter_key is not None:
        lines.append(f"Key for calls, for a day: {running.starter_key}\n")
    return "".join(lines)


def _lines(url: str, running: Running, command: str) -> Iterator[str]:
    offer, admin_key, call_key = running.offer, running.admin_key, running.starter_key
    yield ""
    yield f"  Tollbar listens on {url}   (documents: {url}/docs)"
    yield ""
    if admin_key is not None:
        yield f"  Admin key, shown this once:  {admin_key}"
        yield ""
    model = offer.catalogue.default_model or GUIDE
    yield f"  Default model: {model}"
    for server in running.servers:
        yield f"  Found {server.instance.name} at {server.instance.base_url}: {_names(server)}"
    for warning in offer.warnings:
        yield f"  Not usable: {warning}"
    yield ""
    if call_key is None:
        yield f"  Make a key for calls:  {command} keys create --name NAME"
        yield ""
        return
    yield f"  Try it (this key works for a day; '{command} keys create --name NAME' makes lasting ones):"
    yield ""
    yield f"  curl {url}/v1/chat/completions -H 'Authorization: Bearer {call_key}' \\"
    yield "    -H 'Content-Type: application/json' \\"
    yield f'    -d \'{{"model": "{model}", "messages": [{{"role": "user", "content": "{_QUESTION}"}}]}}\''
    yield ""


def _names(server: LocalServer) -> str:
    if not server.models:
        return "no models yet"
    shown = [f"{server.instance.name}/{name}" for name in server.models[:3]]
    more = len(server.models) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
