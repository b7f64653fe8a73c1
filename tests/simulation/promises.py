"""What is promised beside the money: how many calls pass, and that a call that is sent again is answered once."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.simulation.books import Books
from tests.simulation.holdings import Holding
from tests.simulation.process import Process
from tests.simulation.world import World
from tollbar.domain.errors import CallUnderWay, OtherCall
from tollbar.domain.limits import Measure
from tollbar.domain.repeats import Repeatable
from tollbar.storage.hearing import EXPIRY_SECONDS

WINDOW_SECONDS = 60
BUCKET_SECONDS = 1
"""A charge may be counted for so much longer than its window (rulings on sliding windows)."""

Place = tuple[str, bytes]
"""A caller and one of its names."""


@dataclass(slots=True)
class Tally:
    """Every call that was let in, beside the limits of its key."""

    world: World
    is_shared: bool
    """Whether all processes count together."""
    entered: defaultdict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    inside: defaultdict[tuple[str, str], list[Process]] = field(default_factory=lambda: defaultdict(list))

    def enters(self, process: Process, held: Holding) -> None:
        """A call was let in."""
        place = self._place(process, held)
        self.entered[place].append(self.world.now)
        self.inside[place].append(process)
        of_late = self._entered_within(place, WINDOW_SECONDS)
        if held.rate and of_late > held.rate:
            self.world.fail(f"{of_late} calls of {held.secret} within a minute, where {held.rate} may be")
        living = [one for one in self.inside[place] if one.is_alive and not one.may_be_taken_for_dead]
        if held.slots and len(living) > held.slots:
            self.world.fail(f"{len(living)} calls of {held.secret} are under way, where {held.slots} may be")

    def leaves(self, process: Process, held: Holding) -> None:
        """It is about to give its slot back."""
        self.inside[self._place(process, held)].remove(process)

    def refuses(self, process: Process, held: Holding, measure: str) -> None:
        """A call was turned away."""
        place = self._place(process, held)
        if measure == Measure.REQUESTS and self._entered_within(place, WINDOW_SECONDS + BUCKET_SECONDS) < held.rate:
            self.world.fail(f"a call of {held.secret} was turned away for a rate that has room")
        expired = self.world.now - EXPIRY_SECONDS - 1
        taken = [one for one in self.inside[place] if one.is_alive or one.died_at > expired]
        if measure == Measure.CONCURRENCY and len(taken) < held.slots:
            self.world.fail(f"a call of {held.secret} was turned away, and {len(taken)} of {held.slots} are under way")

    def _place(self, process: Process, held: Holding) -> tuple[str, str]:
        return "" if self.is_shared else process.name, held.secret

    def _entered_within(self, place: tuple[str, str], seconds: float) -> int:
        return sum(at > self.world.now - seconds for at in self.entered[place])


class Turn(NamedTuple):
    """A call that was given its turn, and by whom."""

    process: Process
    call: Repeatable


@dataclass(slots=True)
class Once:
    """Every call with an `Idempotency-Key`, and what it was answered."""

    world: World
    books: Books
    asked: defaultdict[Place, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    """The digests of all requests that were sent under a name."""
    open: defaultdict[Place, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The calls of each name that may have their turn: those that nobody ended."""
    beside: set[str] = field(default_factory=set)
    """The calls during which another one of their name was open."""
    turns: defaultdict[Place, list[Turn]] = field(default_factory=lambda: defaultdict(list))
    """The calls that were given theirs."""
    answers: dict[Place, tuple[Repeatable, str, bytes]] = field(default_factory=dict)
    """What somebody was sent to the end: in answer to which call, whose it is, and its bytes."""

    def asks(self, call: Repeatable) -> None:
        """A call was sent."""
        place = _place(call)
        self.asked[place].add(call.digest)
        self.open[place].add(call.request_id)
        if len(self.open[place]) > 1:
            self.beside |= self.open[place]
        self.books.named[call.request_id] = place

    def begins(self, process: Process, call: Repeatable) -> None:
        """It was given its turn: nobody else has it, and nobody was answered."""
        place = _place(call)
        if place in self.answers:
            self.world.fail(f"{call.request_id} is made anew, and {self.answers[place][1]} was answered under its name")
        for turn in self.turns[place]:
            if turn.process.is_alive and not turn.process.may_be_taken_for_dead:
                self.world.fail(f"{call.request_id} and {turn.call.request_id} are answered at once under one name")
        self.turns[place].append(Turn(process, call))

    def sends(self, call: Repeatable, whose: str, body: bytes) -> None:
        """The last byte of an answer goes to a caller."""
        first = self.answers.setdefault(_place(call), (call, whose, body))
        if first[0].digest != call.digest:
            self.world.fail(f"{call.request_id} was sent the answer to another request, {whose}")
        if first[1:] != (whose, body):
            self.world.fail(f"{call.request_id} was sent {whose}, and {first[1]} under the same name before")
        self.books.check_ended(whose)

    def refuses(self, call: Repeatable, fault: CallUnderWay | OtherCall) -> None:
        """A call was turned away with 409."""
        place = _place(call)
        if isinstance(fault, CallUnderWay) and call.request_id not in self.beside:
            self.world.fail(f"{call.request_id} is told that it is under way, and nobody else's is")
        if isinstance(fault, OtherCall) and self.asked[place] <= {call.digest}:
            self.world.fail(f"{call.request_id} is told that it is another request, and it is not")

    def rests(self, call: Repeatable) -> None:
        """Nothing more is done for the call but to end its turn."""
        place = _place(call)
        self.turns[place] = [turn for turn in self.turns[place] if turn.call is not call]

    def ends(self, call: Repeatable, is_owed: bool) -> None:
        """Its turn is over, or that is owed."""
        if not is_owed:
            self.open[_place(call)].discard(call.request_id)


class Promises(NamedTuple):
    """All that callers check as they are served."""

    books: Books
    tally: Tally
    once: Once


def _place(call: Repeatable) -> Place:
    return call.scope, call.name
