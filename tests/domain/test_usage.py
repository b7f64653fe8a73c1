"""Token counts and their merging."""

from hypothesis import given
from hypothesis import strategies as st

from tollbar.domain.usage import MOST_TOKENS, Usage, merge, possible

usages = st.builds(Usage, *[st.integers(0, 9)] * 7)


def test_the_total_is_prompt_and_completion() -> None:
    """Parts are within their totals and are not counted again."""
    assert Usage(10, 5, 4, 3, 2, 1, 1).total_tokens == 15


def test_the_last_figure_that_is_not_zero_wins() -> None:
    """A later report corrects an earlier one where it says something."""
    assert Usage(10, 7, 3) == merge(Usage(10, 1, 3), Usage(0, 7, 0))


@given(usages, usages, usages)
def test_merging_does_not_depend_on_grouping(first: Usage, second: Usage, third: Usage) -> None:
    """However the reports of a stream are read together, the result is the same; an empty one changes nothing."""
    assert merge(merge(first, second), third) == merge(first, merge(second, third))
    assert first == merge(first, Usage()) == merge(Usage(), first)


def test_an_impossible_count_is_read_as_the_nearest_possible() -> None:
    """Below nothing, or beyond what the ledger can hold the price of."""
    assert [possible(tokens) for tokens in (-5, 0, 7, 2**53)] == [0, 0, 7, MOST_TOKENS]
