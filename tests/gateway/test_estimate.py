"""Bounds hold before a call is sent."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from tests.domain.test_money import cards
from tests.making import CARD, a_model, a_plan, a_request
from tollbar.domain.catalogue import Target
from tollbar.domain.errand import Embedding, Errand, Texts
from tollbar.domain.errors import ContextTooLarge
from tollbar.domain.money import PriceCard, Rate, cost
from tollbar.domain.usage import Usage
from tollbar.gateway.estimate import EXPECTED_OUTPUT_TOKENS, UNKNOWN_OUTPUT_TOKENS, estimate, tokens_of

MESSAGES = [{"role": "user", "content": "Hello there"}]
SIZE = len(b'[{"role": "user", "content": "Hello there"}]')
sizes = st.none() | st.integers(8, 40) | st.integers(10, 10_000)
targets = st.builds(Target, st.just("p"), st.just("m"), st.none() | cards, sizes, sizes)


@pytest.mark.parametrize(("size", "tokens"), [(0, 0), (1, 1), (4, 1), (5, 2), (400, 100)])
def test_four_bytes_are_a_token(size: int, tokens: int) -> None:
    """Rounded up."""
    assert tokens_of(size) == tokens


def test_a_call_with_a_limit_is_bounded_by_it() -> None:
    """Every byte of the prompt may be a token; the completion has its limit."""
    bounds = estimate(a_request(max_tokens=50), a_plan(), 2)
    assert (bounds.prompt_tokens, bounds.most_tokens, bounds.expected_tokens) == (
        tokens_of(SIZE),
        SIZE + 50,
        tokens_of(SIZE) + 50,
    )
    assert bounds.most_nano_dollars == cost(Usage(SIZE, 50), CARD).nano_dollars
    assert bounds.expected_nano_dollars == cost(Usage(tokens_of(SIZE), 50), CARD).nano_dollars


@pytest.mark.parametrize(
    ("fields", "most_output"),
    [
        ({}, UNKNOWN_OUTPUT_TOKENS),
        ({"context_tokens": 8_000}, 8_000),
        ({"context_tokens": 8_000, "max_output_tokens": 2_000}, 2_000),
    ],
)
def test_a_call_without_a_limit_is_bounded_by_the_model(fields: dict[str, Any], most_output: int) -> None:
    """Its longest output, else its context, else what is usual; expected is much less."""
    bounds = estimate(a_request(), a_plan(Target("main", "m", CARD, **fields)), 1)
    assert bounds.most_tokens == SIZE + most_output
    assert bounds.expected_tokens == tokens_of(SIZE) + EXPECTED_OUTPUT_TOKENS


def test_each_choice_may_be_as_long() -> None:
    """`n` answers cost `n` completions, and one credit price."""
    one, three = (estimate(a_request(max_tokens=50, n=n), a_plan(), 2) for n in (1, 3))
    assert three.most_tokens - one.most_tokens == 100
    assert three.credits == one.credits == 2


@pytest.mark.parametrize("field", ["tools", "response_format", "functions"])
def test_everything_that_becomes_prompt_is_counted(field: str) -> None:
    """Tools and schemas are read by the model, too."""
    value: Any = [{"type": "function"}] if field == "tools" else {"type": "x"}
    plain, more = estimate(a_request(), a_plan(), 1), estimate(a_request("smart", **{field: value}), a_plan(), 1)
    assert more.prompt_tokens > plain.prompt_tokens


def test_a_linked_image_is_more_than_its_link() -> None:
    """Its tokens are not in the body."""
    image = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.example/"}}]}]
    assert estimate(a_request(messages=image), a_plan(), 1).prompt_tokens > 1_000


def test_the_price_in_credits_is_the_models() -> None:
    """The tier's cost times the multiplier."""
    plan = a_plan()._replace(model=a_model(multiplier=Decimal("1.5")))
    assert estimate(a_request(), plan, 3).credits == 5


def test_one_unknown_price_makes_the_cost_unknown() -> None:
    """Whichever target answers, its price has to be known beforehand."""
    for order in ([Target("a", "m", CARD), Target("b", "m")], [Target("b", "m"), Target("a", "m", CARD)]):
        bounds = estimate(a_request(), a_plan(*order), 1)
        assert (bounds.most_nano_dollars, bounds.expected_nano_dollars) == (None, None)
        assert bounds.most_tokens > 0


def test_a_prompt_that_fits_nowhere_is_refused_before_it_is_sent() -> None:
    """Only when no tokens could be wide enough, and no target is large enough or of unknown size."""
    small, large = Target("a", "m", context_tokens=10), Target("b", "m", context_tokens=1_000)
    request = a_request(messages=[{"role": "user", "content": "x" * 10_000}])
    with pytest.raises(ContextTooLarge, match="context of 10 tokens") as fault:
        estimate(request, a_plan(small), 1)
    assert fault.value.field == "messages"
    estimate(request, a_plan(small, large), 1)
    estimate(request, a_plan(small, Target("c", "m")), 1)


def test_data_that_is_no_text_is_not_measured() -> None:
    """A picture of a megabyte is not a million bytes of prompt."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}
    request = a_request(messages=[{"role": "user", "content": [image]}])
    assert estimate(request, a_plan(Target("a", "m", context_tokens=100)), 1).prompt_tokens > 0


def test_what_is_expected_is_never_more_than_the_most() -> None:
    """A prompt that looks longer than a small context, and still might fit, included."""
    request = a_request(messages=[{"role": "user", "content": "x" * 200}], max_tokens=1)
    bounds = estimate(request, a_plan(Target("a", "m", CARD, context_tokens=20)), 1)
    assert bounds.expected_tokens <= bounds.most_tokens
    assert (bounds.expected_nano_dollars or 0) <= (bounds.most_nano_dollars or 0)


@given(
    st.lists(targets, min_size=1, max_size=3),
    st.none() | st.integers(1, 3) | st.integers(1, 5_000),
    st.integers(1, 4),
    st.text(max_size=50),
    st.data(),
)
def test_no_call_goes_beyond_its_bounds(
    chosen: list[Target], max_tokens: int | None, choices: int, text: str, data: st.DataObject
) -> None:
    """Whichever target answers, and however much it says within its limits: tokens and cost are within the most."""
    request = a_request(max_tokens=max_tokens, n=choices, messages=[{"role": "user", "content": text}])
    try:
        bounds = estimate(request, a_plan(*chosen), 1)
    except ContextTooLarge:
        reject()
    assert 0 < bounds.prompt_tokens <= bounds.expected_tokens <= bounds.most_tokens
    if bounds.most_nano_dollars is not None and bounds.expected_nano_dollars is not None:
        assert bounds.expected_nano_dollars <= bounds.most_nano_dollars
    target = data.draw(st.sampled_from(chosen))
    spans = request.source.spans["messages"]
    prompt = data.draw(st.integers(0, min(spans[1] - spans[0], target.context_tokens or 10**6)))
    cap = target.max_output_tokens or target.context_tokens or UNKNOWN_OUTPUT_TOKENS
    said = data.draw(st.integers(0, min(max_tokens or cap, cap) * choices))
    assert prompt + said <= bounds.most_tokens
    if target.card is not None and bounds.most_nano_dollars is not None:
        assert cost(Usage(prompt, said), target.card).nano_dollars <= bounds.most_nano_dollars


def test_a_request_may_say_how_long_its_prompt_is() -> None:
    """Where its body does not show it."""
    request = a_request(max_tokens=50)._replace(prompt_bytes=400)
    assert estimate(request, a_plan(), 2).prompt_tokens == 100


def test_the_price_of_an_errand_is_known_beforehand_only_by_the_call_or_of_vectors() -> None:
    """What a picture will be told to cost in tokens nobody knows; texts are tokens as in any prompt."""
    flat = PriceCard("test", Rate(0), Rate(0), per_request_pico=40_000_000_000)
    picture, vectors = Errand("/images/generations"), Errand("/embeddings", embedding=Embedding(Texts, bytes))  # type: ignore[arg-type]
    for errand, card, price in (
        (picture, CARD, None),
        (picture, flat, 40_000_000),
        (vectors, CARD, cost(Usage(8), CARD)[0]),
    ):
        request = a_request()._replace(errand=errand, prompt_bytes=8, max_tokens=0)
        plan = a_plan(Target("p", "m", card))
        bounds = estimate(request, plan, 1)
        assert (bounds.most_tokens, bounds.most_nano_dollars) == (8, price)


@pytest.mark.parametrize(("length", "usual", "said"), [(5_000, 70, 70), (50, 70, 50), (5_000, 3_000, 3_000)])
def test_what_is_usual_is_expected_and_never_the_most(length: int, usual: int, said: int) -> None:
    """Where it is known, it takes the place of the rule of thumb; the upper bound stays."""
    request, plan = a_request(max_tokens=length), a_plan()
    known, unknown = estimate(request, plan, 1, usual), estimate(request, plan, 1)
    assert known.expected_tokens == known.prompt_tokens + said
    assert (known.most_tokens, known.most_nano_dollars) == (unknown.most_tokens, unknown.most_nano_dollars)
    assert known.expected_nano_dollars == cost(Usage(known.prompt_tokens, said), CARD).nano_dollars


def test_a_counted_prompt_is_expected_and_what_is_held_is_not_less() -> None:
    """It says what is expected, within what the bytes bound; pictures may be counted beyond that."""
    request, plan = a_request(max_tokens=10), a_plan()
    held, counted, beyond = (estimate(request, plan, 1, counted=tokens) for tokens in (None, 3, 10**9))
    assert (counted.prompt_tokens, counted.expected_tokens) == (3, 3 + 10)
    assert beyond.prompt_tokens == SIZE
    assert held.most_tokens == counted.most_tokens == beyond.most_tokens == beyond.expected_tokens
