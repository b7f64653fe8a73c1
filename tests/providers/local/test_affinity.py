"""Which engine a call goes to, decided by what was said and by who is busy."""

from tollbar.domain.messages import Message, Role, TextPart
from tollbar.providers.local.affinity import REMEMBERED, Affinity, Beginning, beginnings


def talk(*texts: str) -> list[Beginning]:
    """What a conversation of these texts begins with."""
    roles = (Role.SYSTEM, Role.USER, Role.ASSISTANT)
    return beginnings("tiny", (Message(roles[at % 3], (TextPart(text),)) for at, text in enumerate(texts)))


def test_beginnings_are_shared_as_far_as_messages_are() -> None:
    """Two conversations with one system prompt share the first step, and nothing once they differ."""
    one, other = talk("rules", "a", "b"), talk("rules", "c", "b")
    assert [mine == theirs for mine, theirs in zip(one, other, strict=True)] == [True, False, False]
    assert talk("ab", "c")[1] != talk("a", "bc")[1]


def test_a_conversation_stays_where_it_was_read() -> None:
    """A new one goes to the least busy; its next turn to where it was, though another is idle."""
    affinity = Affinity(slack=2)
    assert [affinity.choose(talk("a"), [0, 0]), affinity.choose(talk("b"), [1, 0])] == [0, 1]
    assert affinity.choose(talk("b", "c", "d"), [0, 2]) == 1
    assert affinity.choose(talk("a", "c"), [2, 0]) == 0


def test_the_longest_known_beginning_decides() -> None:
    """A system prompt that both know says less than the turn that one of them answered."""
    affinity = Affinity(slack=1)
    assert affinity.choose(talk("rules", "a"), [0, 0]) == 0
    assert affinity.choose(talk("rules", "b"), [5, 0]) == 1
    assert affinity.choose(talk("rules", "a", "x"), [0, 0]) == 0
    assert affinity.choose(talk("rules", "b", "y"), [0, 0]) == 1


def test_a_long_line_outweighs_what_is_known() -> None:
    """Beyond the bound it goes elsewhere, and is known there from then on."""
    affinity = Affinity(slack=2)
    assert affinity.choose(talk("a"), [0, 0]) == 0
    assert affinity.choose(talk("a", "b"), [3, 0]) == 1
    assert affinity.choose(talk("a", "b", "c"), [0, 0]) == 1


def test_memory_is_bounded() -> None:
    """What was not asked for longest is forgotten; a number of an engine that is gone is none."""
    affinity = Affinity(slack=0)
    assert affinity.choose(talk("first"), [1, 0]) == 1
    assert affinity.choose(talk("first"), [0]) == 0
    for number in range(REMEMBERED):
        affinity.choose([Beginning(number, 1)], [0, 0])
    assert affinity.choose(talk("first"), [1, 0]) == 1
