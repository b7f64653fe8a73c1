"""Every dialect to every wire: six by seven, a score of things each, over real sockets; `-s` prints the matrix.

`docs/conformance.md` is what this says. Where that page is stale, the test fails; TOLLBAR_WRITES_PAGES=1 writes it.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from tests.journeys import conformance
from tests.journeys.asking import BEFORE, BRIEF, EARLIER, END, NOW, PAPER, PARAMETERS, PICTURE, TOWN
from tests.journeys.hearing import Heard
from tests.journeys.stand import Gateway, started, wait_until
from tests.journeys.tongues import TONGUES
from tests.journeys.turns import AGAIN, ARGUMENTS, PAGE_SEVEN, TURNS
from tests.upstream import Entry, FakeUpstream
from tests.upstream_table import CACHED, PROOF, SOURCE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"
MORE = """\
  answers: {wire: responses, base_url: "%(url)s", api_key: "${LAB_KEY}"}
  older: {wire: openai, also: [completions], base_url: "%(url)s", api_key: "${LAB_KEY}"}
  claude: {wire: anthropic, base_url: "%(url)s", api_key: "${LAB_KEY}"}
  google: {wire: gemini, base_url: "%(google_url)s", api_key: "${LAB_KEY}"}
  barn: {wire: ollama, base_url: "%(root)s"}
  forest: {wire: bedrock, base_url: "%(root)s", api_key: "${LAB_KEY}"}
"""
PROVIDERS = {
    "openai": "lab",
    "responses": "answers",
    "completions": "older",
    "anthropic": "claude",
    "gemini": "google",
    "ollama": "barn",
    "bedrock": "forest/claude-sonnet-4-5",
}
"""The provider that speaks each wire. The one of completions has chats for callers of all other dialects; Bedrock's has
models of several makers, and here it is one that thinks."""
FIVE = "word0 word1 word2 word3 word4 "
CALLS = [("look_up", {"page": 0}), ("look_up", {"page": 1})]
_CHAT_PLACES = {
    "said": "messages",
    "tools": "tools.function.parameters",
    "schema": "response_format.json_schema.schema",
    "thinking": "reasoning_effort",
    "stop": "stop",
}
PLACES = {
    "openai": _CHAT_PLACES,
    "completions": _CHAT_PLACES,
    "responses": {
        "said": "input",
        "tools": "tools.parameters",
        "schema": "text.format.schema",
        "thinking": "reasoning.effort",
    },
    "anthropic": {
        "said": "messages",
        "tools": "tools.input_schema",
        "schema": "output_config.format.schema",
        "thinking": "thinking.type",
        "stop": "stop_sequences",
    },
    "gemini": {
        "said": "contents",
        "tools": "tools.functionDeclarations.parametersJsonSchema",
        "schema": "generationConfig.responseJsonSchema",
        "thinking": "generationConfig.thinkingConfig.includeThoughts",
        "stop": "generationConfig.stopSequences",
    },
    "ollama": {
        "said": "messages",
        "tools": "tools.function.parameters",
        "schema": "format",
        "thinking": "think",
        "stop": "options.stop",
    },
    "bedrock": {
        "said": "messages",
        "tools": "toolConfig.tools.toolSpec.inputSchema.json",
        "schema": "outputConfig.textFormat.structure.jsonSchema.schema",
        "thinking": "additionalModelRequestFields.thinking",
        "stop": "inferenceConfig.stopSequences",
    },
}
"""Where each wire has what is wished for; of a list, in its first item."""
RESULTS = ("result", "picture")
"""Questions that a tool's result follows."""


class Case(NamedTuple):
    """One dialect before one wire."""

    gateway: Gateway
    key: str
    up: FakeUpstream
    dialect: str
    wire: str

    def ask(self, script: str, wish: str = "", stream: bool = False) -> requests.Response:
        """The answer to a question, of which a streamed one has not been read."""
        path, body = self._question(f"{PROVIDERS[self.wire]}/{script}", wish, stream)
        headers = {"authorization": f"Bearer {self.key}"}
        return requests.post(self.gateway.url + path, json=body, headers=headers, timeout=20, stream=stream)

    def say(self, script: str, turns: list[dict[str, Any]]) -> requests.Response:
        """The answer to the question about a tool with more turns behind it."""
        path, body = TONGUES[self.dialect].asks(f"{PROVIDERS[self.wire]}/{script}", "tools", False)
        body[PLACES[self.dialect]["said"]] += turns
        headers = {"authorization": f"Bearer {self.key}"}
        return requests.post(self.gateway.url + path, json=body, headers=headers, timeout=20)

    def _question(self, model: str, wish: str, stream: bool) -> tuple[str, dict[str, Any]]:
        asks = TONGUES[self.dialect].asks
        if wish not in RESULTS:
            return asks(model, wish, stream)
        path, body = asks(model, "tools", stream)
        body[PLACES[self.dialect]["said"]] += TURNS[self.dialect](wish == "picture")
        return path, body

    def heard(self, script: str, wish: str = "", stream: bool = False) -> tuple[str, Heard]:
        """What a cell says of a good answer, and what the caller understood; Refused where there is none."""
        before = len(self.up.journal)
        answer = self.ask(script, wish, stream)
        raw = answer.content
        if answer.status_code == 400:
            raise Refused(_field(TONGUES[self.dialect].fault(answer.json(), 400)))
        assert answer.status_code == 200, answer.text
        heard = TONGUES[self.dialect].hears(raw, stream)
        assert heard.has_ended
        assert not heard.fault
        (entry,) = list(self.up.journal)[before:]
        self._check_asked(entry, wish)
        return self._kind(entry, raw, wish, stream), heard

    def _check_asked(self, entry: Entry, wish: str) -> None:
        """The provider got all that was said, and what was wished for in the place where its wire has it."""
        for said in (BRIEF, BEFORE, EARLIER, NOW):
            assert _holds(entry.json, said), said
        places = PLACES[self.wire]
        if wish in ("image", "picture"):
            assert _holds(entry.json[places["said"]], PICTURE)
        if wish == "document":
            assert _holds(entry.json[places["said"]], PAPER)
            if self.wire in ("openai", "responses"):  # which refuse one without a name
                assert b'"filename":' in entry.body
        if wish in RESULTS:
            assert any(_holds(entry.json, told) for told in ({**ARGUMENTS}, '{"page": 7}', '{"page":7}'))
            assert _holds(entry.json, PAGE_SEVEN)
        if wish in places and self.dialect != self.wire:  # what is relayed is looked at byte by byte
            found = _at(entry.json, places[wish])
            found = json.loads(found) if isinstance(found, str) and found.startswith("{") else found
            wished = {"tools": PARAMETERS, "schema": TOWN, "stop": [END]}
            assert found if wish == "thinking" else found == wished[wish]

    def _kind(self, entry: Entry, raw: bytes, wish: str, stream: bool) -> str:
        """`relayed` where nothing but the model's name was changed on the way there, and nothing on the way back."""
        if self.dialect != self.wire:
            return "works"
        _, sent = self._question(entry.model, wish, stream)
        assert entry.body == json.dumps(sent).encode()
        assert raw == b"".join(self.up.choose(entry).pieces)
        return "relayed"


class Refused(Exception):
    """A request that was not taken, with the field that stands in the way."""


def _at(document: Any, place: str) -> Any:
    """What stands at a place."""
    for name in place.split("."):
        document = document[0] if isinstance(document, list) else document
        document = document[name]
    return document


def _holds(document: Any, value: Any) -> bool:
    """Whether a value is somewhere in a document; a text may be a part of one."""
    if document == value or (isinstance(document, str) and isinstance(value, str) and value in document):
        return True
    parts = document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    return any(_holds(part, value) for part in parts)


def _field(said: str) -> str:
    found = re.search(r"'([\w.\[\]]+)'", said) if " " in said else None
    return found[1] if found else said


def _text(case: Case, stream: bool = False, wish: str = "") -> str:
    kind, heard = case.heard("ok", wish, stream)
    assert (heard.text, heard.tokens) == (FIVE, (10, 5))
    return kind


def _tools(case: Case, stream: bool = False) -> str:
    kind, heard = case.heard("two-tools", "tools", stream)
    assert heard.calls == CALLS
    return kind


def _thinking(case: Case) -> str:
    for stream in (True, False):
        kind, heard = case.heard("reasoning", "thinking", stream)
        assert (heard.thoughts, heard.text) == ("Well, now.", "Hi")
    return kind


def _stopped(case: Case) -> str:
    for stream in (True, False):
        kind, heard = case.heard("stopped", "stop", stream)
        assert heard.text == "word0 "
        is_told = case.dialect == "anthropic" and case.wire in ("anthropic", "openai", "completions")
        assert heard.ended_by == END if is_told else heard.ended_by in ("", END)
    return kind


def _cached(case: Case) -> str:
    for stream in (True, False):
        kind, heard = case.heard("cached", stream=stream)
        assert heard.tokens == (10, 1)
        assert heard.cached in (CACHED, (CACHED[0], 0))
        if {case.dialect, case.wire} <= {"anthropic", "responses"}:  # which both know what was written
            assert heard.cached == CACHED
    return kind


def _cited(case: Case) -> str:
    for stream in (True, False):
        kind, heard = case.heard("cited", stream=stream)
        assert (heard.text, heard.sources) == ("Hi", [SOURCE["url"]])
    return kind


def _declined(case: Case) -> str:
    for stream in (True, False):
        kind, heard = case.heard("declined", stream=stream)
        if case.wire != "gemini":  # which says no words with it
            assert "I cannot." in heard.text + heard.refusal
        assert heard.refusal or case.wire == "ollama" or case.dialect in ("ollama", "completions")
    return kind


def _woven(case: Case) -> str:
    kind, heard = case.heard("woven", "tools", stream=True)
    assert heard.calls == CALLS
    return kind


def _proven(case: Case) -> str:
    """What the caller was told comes back as a second turn, and with it the provider's own proof of its thoughts."""
    for stream in (True, False):
        raw = case.ask("proven", "tools", stream).content
        heard = TONGUES[case.dialect].hears(raw, stream)
        assert heard.calls == [("look_up", {"page": 7})]
        before = len(case.up.journal)
        again = case.say(
            "ok", AGAIN[case.dialect](TONGUES[case.dialect].frames(raw) if stream else [("", raw.decode())])
        )
        assert again.status_code == 200, again.text
        (entry,) = list(case.up.journal)[before:]
        assert _holds(entry.json[PLACES[case.wire]["said"]], PROOF), entry.body
    return "relayed" if case.dialect == case.wire else "works"


def _error_before(case: Case) -> str:
    for stream in (True, False):
        for script, status, words in (("error-400", 400, "It went wrong."), ("error-401", 502, "key")):
            answer = case.ask(script, stream=stream)
            assert answer.status_code == status, answer.text
            assert words in TONGUES[case.dialect].fault(answer.json(), status)
    return "works"


def _error_later(case: Case) -> str:
    answer = case.ask("late-error-frame", stream=True)
    assert answer.status_code == 200, answer.text
    heard = TONGUES[case.dialect].hears(answer.content, is_stream=True)
    assert (heard.text, heard.has_ended) == ("word0 ", False)
    assert "fell over" in heard.fault
    return "works"


def _abort(case: Case) -> str:
    before = len(case.up.journal)
    answer = case.ask("stall-middle", stream=True)
    seen = b""
    while b"word0 " not in seen:
        seen += answer.raw.read1(1000)
    answer.close()
    (entry,) = list(case.up.journal)[before:]
    wait_until(lambda: entry.closed_early_at is not None)
    wait_until(lambda: case.gateway.calls() == 0)
    return "works"


THINGS: Mapping[str, Callable[[Case], str]] = {
    "text": _text,
    "stream": lambda case: _text(case, stream=True),
    "tools": _tools,
    "tool stream": lambda case: _tools(case, stream=True),
    "tool result": lambda case: _text(case, wish="result"),
    "picture in a result": lambda case: _text(case, wish="picture"),
    "woven tool stream": _woven,
    "proof of thought": _proven,
    "image": lambda case: _text(case, wish="image"),
    "document": lambda case: _text(case, wish="document"),
    "stop sequence": _stopped,
    "JSON schema": lambda case: _text(case, wish="schema"),
    "thinking": _thinking,
    "cached tokens": _cached,
    "citation": _cited,
    "refusal": _declined,
    "error before": _error_before,
    "error mid-stream": _error_later,
    "abort": _abort,
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """A gateway before one fake provider, which it calls in seven wires."""
    places: dict[str, Any] = {"url": up.url, "google_url": up.google_url, "root": up.root}
    with started(tmp_path_factory.mktemp("matrix"), up, MORE % places) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def matrix(gateway: Gateway, up: FakeUpstream) -> conformance.Matrix:
    """What became of each thing in each pair, printed."""
    key = gateway.make_key("matrix")
    found = {
        (dialect, wire, thing): _cell(Case(gateway, key, up, dialect, wire), thing)
        for dialect in TONGUES
        for wire in PROVIDERS
        for thing in THINGS
    }
    sys.stdout.write(f"\n{conformance.table(found)}\n")
    return found


def _cell(case: Case, thing: str) -> str:
    if thing in (*conformance.WORDLESS.get(case.dialect, ()), *conformance.UNSAID.get(case.wire, ())):
        return conformance.NO_WORD
    try:
        return THINGS[thing](case)
    except Refused as fault:
        return f"refused: {fault}"
    except Exception as fault:  # whatever it is, the matrix tells of it beside all others
        return f"BROKEN: {type(fault).__name__}: {str(fault).partition(chr(10))[0]}"


def test_every_cell_works_or_is_refused_by_name(matrix: conformance.Matrix) -> None:
    """Nothing is lost on the way, and nothing is anything else."""
    good = re.compile(rf"works|relayed|refused: \S+|{conformance.NO_WORD}")
    assert [(*place, told) for place, told in matrix.items() if not good.fullmatch(told)] == []
    assert {told for (dialect, wire, _), told in matrix.items() if dialect != wire} & {"relayed"} == set()


def test_the_page_says_so(matrix: conformance.Matrix) -> None:
    """`docs/conformance.md` is what was found."""
    page = conformance.page(matrix)
    if os.environ.get("TOLLBAR_WRITES_PAGES"):
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page, "stale: TOLLBAR_WRITES_PAGES=1 writes it"
