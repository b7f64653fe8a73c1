"""The page `docs/conformance.md` and the table that a run prints, made of what the matrix found."""

from collections.abc import Mapping

Matrix = Mapping[tuple[str, str, str], str]
"""What became of each dialect, wire and thing."""
NO_WORD = "—"
_TOOLS = ("tools", "tool stream", "woven tool stream", "tool result", "picture in a result", "proof of thought")
_BEYOND_A_TEXT = (*_TOOLS, "image", "document", "JSON schema", "thinking", "citation")
WORDLESS = {
    "completions": _BEYOND_A_TEXT,
    "openai": ("picture in a result",),
    "responses": ("stop sequence",),
    "ollama": ("document", "cached tokens", "citation", "proof of thought"),
}
"""What a dialect has no field for."""
_ONE_BY_ONE = "woven tool stream"
UNSAID = {
    "anthropic": (_ONE_BY_ONE,),
    "gemini": (_ONE_BY_ONE,),
    "bedrock": (_ONE_BY_ONE,),
    "ollama": (_ONE_BY_ONE, "cached tokens", "citation", "proof of thought"),
}
"""What a provider has no way to say in a wire."""
NAMES = {
    "openai": "OpenAI chat",
    "responses": "OpenAI Responses",
    "completions": "OpenAI completions",
    "anthropic": "Anthropic",
    "gemini": "Gemini",
    "ollama": "Ollama",
    "bedrock": "Bedrock",
}
HEAD = """\
# Every dialect to every provider

This page is made from a run of `tests/journeys/test_matrix.py`, in which hand-written clients of six dialects ask a
provider behind each of seven wires, over real sockets. The test fails where the page says anything else than the run.

- **relayed**: the provider got the caller's own bytes with only the model replaced, and the caller the provider's.
- **works**: translated. All that was said reached the provider, and the caller understood all of the answer: words,
  thoughts, calls with their arguments, tokens, why it failed.
- **refused**: 400, naming the field that cannot be carried.
- **—**: the caller's dialect has no words for it, or the provider's wire no way to say it.

An error before the answer comes with its status in the caller's own shape; one in mid-stream comes behind what was
already said, and no end mark follows; after an abort the provider's connection is closed and nothing is held. A woven
tool stream has two calls whose arguments come in turns. A proof of thought is what a provider signs its thoughts with:
the client sends it back with the next turn, and the provider gets it as it was. Of cached tokens those written to a
cache are told where both have a word for them, and so is which stop sequence ended an answer. A provider of the older
completions is one that has chats as well: those answer the callers of all other dialects.
"""


def table(matrix: Matrix) -> str:
    """All of it, a line for each dialect and wire."""
    things = list(dict.fromkeys(thing for _, _, thing in matrix))
    pairs = dict.fromkeys((dialect, wire) for dialect, wire, _ in matrix)
    rows = [("from", "to", *things)]
    rows += [(dialect, wire, *(matrix[dialect, wire, thing] for thing in things)) for dialect, wire in pairs]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def page(matrix: Matrix) -> str:
    """The page: a section for each dialect, a row for each thing, a column for each wire."""
    things = list(dict.fromkeys(thing for _, _, thing in matrix))
    wires = list(dict.fromkeys(wire for _, wire, _ in matrix))
    text = HEAD
    for dialect in dict.fromkeys(dialect for dialect, _, _ in matrix):
        text += f"\n## From {NAMES[dialect]}\n\n"
        text += f"| | {' | '.join(NAMES[wire] for wire in wires)} |\n|---|{'---|' * len(wires)}\n"
        for thing in things:
            text += f"| {thing} | {' | '.join(matrix[dialect, wire, thing] for wire in wires)} |\n"
    return text
