"""What a caller's limits mean, worked out once."""

from dataclasses import replace

from tests.making import PRINCIPAL
from tollbar.domain.identity import KeyKind, Membership
from tollbar.domain.limits import Bounds, Charge, Limit, Measure
from tollbar.gateway.terms import MOST_TERMS, TermsBook, scope_of

CALLS = Limit(Measure.REQUESTS, 10, 60)
AT_ONCE = Limit(Measure.CONCURRENCY, 2, 0)
TOKENS = Limit(Measure.TOKENS, 100, 60)
LIMITED = replace(PRINCIPAL, limits=(CALLS, AT_ONCE, TOKENS))
BOUNDS = Bounds(
    prompt_tokens=5, most_tokens=500, expected_tokens=300, most_nano_dollars=0, expected_nano_dollars=0, credits=1
)


def test_limits_become_charges_of_the_gate_they_belong_to() -> None:
    """Requests and slots at the first, tokens at the second; only slots are given back."""
    terms = TermsBook().of(LIMITED, "192.0.2.7")
    scope = f"key:{LIMITED.key_id}"
    assert list(terms.entry) == [Charge(scope, CALLS), Charge(scope, AT_ONCE)]
    assert list(terms.slots) == [Charge(scope, AT_ONCE)]
    assert terms.token_charges(BOUNDS) == [Charge(scope, TOKENS, 100)]


def test_a_long_completion_does_not_keep_a_short_prompt_out() -> None:
    """What is charged is at most the whole limit, unless the prompt alone is more."""
    terms = TermsBook().of(LIMITED, "")
    assert terms.token_charges(BOUNDS._replace(prompt_tokens=200))[0].amount == 200
    assert terms.token_charges(BOUNDS._replace(expected_tokens=30))[0].amount == 30


def test_terms_are_remembered_until_the_principal_is_another() -> None:
    """A key that was changed is looked up anew, and its new limits hold from then on."""
    book = TermsBook()
    assert book.of(LIMITED, "") is book.of(LIMITED, "")
    changed = replace(LIMITED, limits=())
    assert list(book.of(changed, "").entry) == []


def test_callers_without_a_key_are_told_apart_by_their_source() -> None:
    """One address's calls are not another's, and a key's are its own wherever they come from."""
    nobody = replace(LIMITED, kind=KeyKind.ANONYMOUS)
    assert (scope_of(nobody, "a"), scope_of(nobody, "b")) == ("anonymous:a", "anonymous:b")
    assert scope_of(LIMITED, "a") == scope_of(LIMITED, "b")


def test_a_flood_of_callers_is_not_remembered_for_ever() -> None:
    """The book has an end, whoever calls."""
    book = TermsBook()
    nobody = replace(PRINCIPAL, kind=KeyKind.ANONYMOUS)
    for number in range(MOST_TERMS + 2):
        book.of(nobody, str(number))
    assert len(book._known) <= MOST_TERMS


def test_the_limits_of_a_team_are_its_own() -> None:
    """Every key of the team takes from them, beside its own; a slot of the team is given back as well."""
    team = Membership("team_a", "lab", limits=(CALLS, AT_ONCE, TOKENS))
    terms = TermsBook().of(replace(PRINCIPAL, limits=(CALLS,), team=team), "")
    own, shared = f"key:{PRINCIPAL.key_id}", "team:team_a"
    assert list(terms.entry) == [Charge(own, CALLS), Charge(shared, CALLS), Charge(shared, AT_ONCE)]
    assert list(terms.slots) == [Charge(shared, AT_ONCE)]
    assert terms.token_charges(BOUNDS) == [Charge(shared, TOKENS, 100)]
