"""What `tollbar chat` does: a conversation in the terminal, or one question and its answer.

Ctrl+C stops the answer, not the program. What a model says is shown without anything that a terminal would obey. The
history is in memory and ends with the program; `/save` keeps it.
"""

import sys
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path

import typer

from tollbar.cli import output
from tollbar.cli.client import Trouble
from tollbar.cli.conversation import Conversation, model_names
from tollbar.cli.faults import FAILED, spoken
from tollbar.cli.server import Server, find_server
from tollbar.settings.values import GUIDE

PROMPT = "> "
PIPED = "-"
STOPPED = 130
"""The status of a program that Ctrl+C ended, as shells give it: 128 and the signal's number."""


def talk(words: list[str], model: str | None, system: str, url: str | None, key: str | None) -> None:
    """Answers the question that the words make, or holds a conversation when there is none."""
    asked = _question(words)
    with spoken():
        try:
            server = find_server(url, key)
            conversation = Conversation(server.client, model or _usual_model(server), system)
        except Trouble as trouble:
            output.complain(trouble.message, trouble.hint)
            raise typer.Exit(FAILED) from None
    if asked is None:
        _converse(conversation)
    elif not _answer(conversation, asked):
        raise typer.Exit(FAILED)


def _usual_model(server: Server) -> str:
    """The server's default, as far as it is known; else the first that it lists, the guide only if it is alone."""
    names = sorted(server.names, key=lambda name: name == GUIDE)  # which leaves the others in their order
    if not (server.default_model or names):
        raise Trouble("The server lists no models.", "Name one with --model.")
    return server.default_model or names[0]


def _question(words: list[str]) -> str | None:
    """What is asked; None when there is to be a conversation."""
    is_piped = not sys.stdin.isatty()
    if not words and not is_piped:
        return None
    piped = sys.stdin.read() if PIPED in words or not words else ""
    text = " ".join(piped if word == PIPED else word for word in words or [PIPED]).strip()
    if not text:
        output.complain("There is nothing to ask.", "Write the question, or pipe it in.")
        raise typer.Exit(FAILED)
    return text


def _answer(conversation: Conversation, question: str) -> bool:
    """Writes the answer to one question; says whether it is whole."""
    has_begun = False
    try:
        with closing(conversation.ask(question)) as pieces:
            for piece in pieces:
                has_begun = True
                typer.echo(output.shown(piece), nl=False)
    except KeyboardInterrupt:
        output.say()
        raise typer.Exit(STOPPED) from None
    except Trouble as trouble:
        if has_begun:
            output.say()
        output.complain(trouble.message, trouble.hint)
        return False
    output.say()
    return True


def _converse(conversation: Conversation) -> None:
    """The conversation, until /quit or the end of the input."""
    with suppress(ImportError):
        import readline  # noqa: F401 - its import gives `input` a line to edit, and the earlier ones

    output.note(f"{output.clean(conversation.model)} at {conversation.client.url}. /help for help, /quit to end.")
    while True:
        try:
            line = input(PROMPT).strip()
        except KeyboardInterrupt:
            output.note("\n/quit ends.")
            continue
        except EOFError:
            output.say()
            return
        if line == "/quit":
            return
        if line.startswith("/") and not line.startswith("//"):
            obey(conversation, line)
        elif line:
            with suppress(typer.Exit):
                _answer(conversation, line.removeprefix("/"))


def obey(conversation: Conversation, line: str) -> None:
    """Does what a line that begins with a slash asks for."""
    name, _, rest = line.partition(" ")
    command = COMMANDS.get(name)
    if command is None:
        output.note(f"There is no {output.clean(name)}. /help shows what there is; // begins a text with a slash.")
    else:
        command[0](conversation, rest.strip())


def _begin_anew(conversation: Conversation, rest: str) -> None:
    conversation.turns.clear()
    output.note("Forgotten. A new conversation.")


def _choose_model(conversation: Conversation, rest: str) -> None:
    if rest:
        conversation.model = rest
        output.note(f"From now on {output.clean(rest)}.")
        return
    try:
        names = model_names(conversation.client)
    except Trouble as trouble:
        output.complain(trouble.message, trouble.hint)
    else:
        output.note(f"It is {output.clean(conversation.model)}. The server lists: {output.clean(', '.join(names))}")


def _set_system(conversation: Conversation, rest: str) -> None:
    conversation.system = rest
    output.note("The model is told that first." if rest else "The model is told nothing first.")


def _save(conversation: Conversation, rest: str) -> None:
    if not rest:
        output.note("Name a file: /save talk.md, or talk.json for the messages as JSON.")
        return
    path = Path(rest).expanduser()
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(conversation.transcript(as_json=path.suffix == ".json"))
    except FileExistsError:
        output.note(f"{output.clean(rest)} is there already: name another.")
    except OSError as fault:
        output.note(f"{output.clean(rest)} cannot be written: {fault.strerror}.")
    else:
        output.note(f"Saved as {output.clean(rest)}.")


def _help(conversation: Conversation, rest: str) -> None:
    width = max(map(len, COMMANDS))
    for name, (_, text) in COMMANDS.items():
        output.note(f"{name:<{width}}  {text}")


def _quit(conversation: Conversation, rest: str) -> None:
    """The loop ends before it comes here."""


COMMANDS: Mapping[str, tuple[Callable[[Conversation, str], None], str]] = {
    "/new": (_begin_anew, "forget what was said"),
    "/model": (_choose_model, "ask another model: /model NAME; alone it lists them"),
    "/system": (_set_system, "what the model is told first: /system TEXT; alone it is told nothing"),
    "/save": (_save, "write the conversation to a file: /save FILE, as JSON if it ends in .json"),
    "/help": (_help, "this"),
    "/quit": (_quit, "end; so does Ctrl+D. Ctrl+C stops an answer"),
}
