"""A conversation leaves to the provider what nobody asked for."""

from tollbar.domain.conversation import Calling, Conversation, Format, Sampling


def test_nothing_is_wished_that_was_not_said() -> None:
    """Every wish is absent at first."""
    bare = Conversation(())
    assert (bare.tools, bare.tool_choice, bare.calls_in_parallel) == ((), None, None)
    assert (bare.output, bare.effort) == (None, None)
    assert bare.sampling == Sampling()
    assert Sampling() == Sampling(None, None, None, None, None, None, ())


def test_words_are_their_values() -> None:
    """So that codecs can write them as they are."""
    assert (str(Calling.AUTO), str(Format.SCHEMA)) == ("auto", "schema")
