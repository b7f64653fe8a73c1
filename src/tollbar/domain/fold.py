"""Events → one complete answer: what a codec writes as a document."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tollbar.domain.events import (
    Cited,
    Dropped,
    Finished,
    FinishReason,
    Frames,
    Refused,
    Said,
    Started,
    StreamEvent,
    Text,
    Thinking,
    ToolArguments,
    ToolCalled,
    UsageSeen,
)
from tollbar.domain.messages import Citation, Part, RefusalPart, TextPart, ThinkingPart, ToolCallPart
from tollbar.domain.usage import Usage, merge


@dataclass(frozen=True, slots=True)
class Answer:
    """One choice: its parts in the order in which they began, and why it ended (None when nobody said)."""

    index: int
    parts: tuple[Part, ...]
    reason: FinishReason | None
    stop_sequence: str | None = None

    @property
    def text(self) -> str:
        """The words of the answer, without thoughts."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer: its choices in order of their index, and the usage that was reported, all zero where none was."""

    id: str
    model: str
    answers: tuple[Answer, ...]
    usage: Usage


@dataclass(slots=True)
class _Pile:
    """The pieces of one choice: `kinds` names the part that each list of `pieces` will be."""

    kinds: list[type[Text | Thinking | Refused] | ToolCalled] = field(default_factory=list)
    pieces: list[list[str]] = field(default_factory=list)
    signatures: dict[int, tuple[str, bool]] = field(default_factory=dict)
    citations: dict[int, list[Citation]] = field(default_factory=dict)
    calls: dict[int, int] = field(default_factory=dict)
    reason: FinishReason | None = None
    stop_sequence: str | None = None

    def add(self, kind: type[Text | Thinking | Refused], text: str) -> None:
        """Puts words to those of their kind, or begins another part."""
        if not self.kinds or self.kinds[-1] is not kind or len(self.kinds) - 1 in self.signatures:
            self.kinds.append(kind)
            self.pieces.append([])
        self.pieces[-1].append(text)

    def parts(self) -> tuple[Part, ...]:
        """The parts."""
        return tuple(self._part(place) for place in range(len(self.kinds)))

    def _part(self, place: int) -> Part:
        text = "".join(self.pieces[place])
        match self.kinds[place]:
            case ToolCalled(_, call_id, name, _, signature):
                return ToolCallPart(call_id, name, text, signature or None)
            case kind if kind is Thinking:
                return ThinkingPart(text, *self.signatures.get(place, (None, False)))
            case kind if kind is Refused:
                return RefusalPart(text)
            case _:
                return TextPart(text, tuple(self.citations.get(place, ())))


def fold(events: Iterable[StreamEvent]) -> Completion:
    """The answer that the events make together; `Frames`, which are no vocabulary of ours, are passed over."""
    began = Started("", "")
    usage = Usage()
    piles: dict[int, _Pile] = {}
    for event in events:
        match event:
            case Started():
                began = event
            case UsageSeen():
                usage = merge(usage, event.usage)
            case Frames() | Dropped():
                continue
            case _:
                _pile(piles.setdefault(event.choice, _Pile()), event)
    answers = tuple(_answer(index, piles[index]) for index in sorted(piles))
    return Completion(began.id, began.model, answers, usage)


def _answer(index: int, pile: _Pile) -> Answer:
    return Answer(index, pile.parts(), pile.reason, pile.stop_sequence)


def _pile(pile: _Pile, event: Said | Cited | Finished) -> None:
    match event:
        case Text(text) | Refused(text):
            pile.add(type(event), text)
        case Thinking(text, _, signature, is_redacted):
            if is_redacted:  # a part by itself, whatever was thought before
                pile.kinds.append(Thinking)
                pile.pieces.append([text])
            else:
                pile.add(Thinking, text)
            if signature:
                pile.signatures[len(pile.kinds) - 1] = signature, is_redacted
        case Cited(citation):
            if not pile.kinds or pile.kinds[-1] is not Text:
                pile.add(Text, "")
            pile.citations.setdefault(len(pile.kinds) - 1, []).append(citation)
        case ToolCalled(index):
            pile.calls[index] = len(pile.kinds)
            pile.kinds.append(event)
            pile.pieces.append([])
        case ToolArguments(index, text):
            if index in pile.calls:
                pile.pieces[pile.calls[index]].append(text)
        case Finished(reason, _, stop_sequence):
            pile.reason, pile.stop_sequence = reason, stop_sequence
