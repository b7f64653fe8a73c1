"""Events → one complete answer: what a codec writes as a document."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tollbar.domain.events import (
    Finished,
    FinishReason,
    Frames,
    Refused,
    Started,
    StreamEvent,
    Text,
    Thinking,
    ToolArguments,
    ToolCalled,
    UsageSeen,
)
from tollbar.domain.messages import Part, RefusalPart, TextPart, ThinkingPart, ToolCallPart
from tollbar.domain.usage import Usage, merge


@dataclass(frozen=True, slots=True)
class Answer:
    """One choice: its parts in the order in which they began, and why it ended (None when nobody said)."""

    index: int
    parts: tuple[Part, ...]
    reason: FinishReason | None

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
    signatures: dict[int, str] = field(default_factory=dict)
    calls: dict[int, int] = field(default_factory=dict)
    reason: FinishReason | None = None

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
            case ToolCalled(_, call_id, name):
                return ToolCallPart(call_id, name, text)
            case kind if kind is Thinking:
                signature = self.signatures.get(place)
                return ThinkingPart(text, signature)
            case kind if kind is Refused:
                return RefusalPart(text)
            case _:
                return TextPart(text)


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
            case Frames():
                continue
            case _:
                _pile(piles.setdefault(event.choice, _Pile()), event)
    answers = tuple(Answer(index, piles[index].parts(), piles[index].reason) for index in sorted(piles))
    return Completion(began.id, began.model, answers, usage)


def _pile(pile: _Pile, event: Text | Thinking | Refused | ToolCalled | ToolArguments | Finished) -> None:
    match event:
        case Text(text) | Refused(text):
            pile.add(type(event), text)
        case Thinking(text, _, signature):
            pile.add(Thinking, text)
            if signature:
                pile.signatures[len(pile.kinds) - 1] = signature
        case ToolCalled(index):
            pile.calls[index] = len(pile.kinds)
            pile.kinds.append(event)
            pile.pieces.append([])
        case ToolArguments(index, text):
            if index in pile.calls:
                pile.pieces[pile.calls[index]].append(text)
        case Finished(reason):
            pile.reason = reason
