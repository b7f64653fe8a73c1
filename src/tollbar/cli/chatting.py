"""`tollbar chat`: the command and its options; what it does is in `talking.py`, which other commands need not load."""

from typing import Annotated

import typer

from tollbar.cli.options import Key, Url


def chat(
    question: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUESTION", help="Ask this alone and end; - stands for what is piped in.", show_default=False
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="NAME", help="The model to ask.", show_default=False)
    ] = None,
    system: Annotated[
        str, typer.Option("--system", "-s", metavar="TEXT", help="What the model is told first.", show_default=False)
    ] = "",
    url: Url = None,
    key: Key = None,
) -> None:
    """Talk with a model.

    Without a question it is a conversation: /help shows what can be done in it, and Ctrl+C stops an answer. With one,
    or with a text piped in, the answer is written and that is all. Any server that speaks OpenAI's API will do.
    """
    from tollbar.cli import talking

    talking.talk(question or [], model, system, url, key)
