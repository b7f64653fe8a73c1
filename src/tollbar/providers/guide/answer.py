"""Writes the guide's answers: the passage with its commands, where it stands, and where to read on.

Every word comes from the documentation or from the few sentences here; nothing of the question is repeated.
"""

from tollbar.providers.guide.index import Finding
from tollbar.providers.guide.passages import Passage

INTRODUCTION = "I am tollbar-guide: I look questions up in Tollbar's documentation. I am not a language model."

MOST_BYTES = 910
"""Of a passage; the pages that are long tables are quoted in part."""

STRANGE = (
    "I only know Tollbar, and nothing in its documentation seems to answer that. If you meant Tollbar, ask with other "
    "words. For everything else, connect a real model:\n\n"
    "- a vendor's: set its key, such as `OPENAI_API_KEY` or `GROQ_API_KEY`, in the environment and restart;\n"
    "- one on this machine: `tollbar pull` proposes a model that fits it and fetches it; or start Ollama, LM Studio, "
    "llama.cpp or vLLM, then restart.\n\n"
    "How: docs/guide.md, docs/local-models.md"
)


def write_answer(finding: Finding, *, is_first: bool) -> str:
    """What to say to a question; the first answer of a conversation begins by saying who speaks."""
    answer = _quote(finding.passages) if finding.is_answerable else STRANGE
    return f"{INTRODUCTION}\n\n{answer}" if is_first else answer


def _quote(passages: tuple[Passage, ...]) -> str:
    best, *others = passages
    also = "; ".join(_place(passage) for passage in others)
    return f"**{best.title}**\n\n{_shortened(best.body)}\n\nFrom {_place(best)}. See also {also}."


def _place(passage: Passage) -> str:
    return f"docs/{passage.page}.md, “{passage.title}”"


def _shortened(body: str) -> str:
    """A body, or those of its first lines that fit, and a word that there is more."""
    kept: list[str] = []
    left = MOST_BYTES
    for line in body.splitlines():
        left -= len(line.encode()) + 1
        if left < 0 and kept:
            return "\n".join([*kept, "", "(The page says more.)"])
        kept.append(line)
    return body
