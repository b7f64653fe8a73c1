"""The shapes of end users."""

from tollbar.domain.identity import EndUserTerms
from tollbar.edge.end_user_schemas import EndUserTermsView


def test_terms_that_grant_nothing_are_told_from_none() -> None:
    """With the former, calls are counted by whom they are for."""
    told = [EndUserTermsView.of("k", terms) for terms in (None, EndUserTerms(), EndUserTerms(is_required=False))]
    assert [(one.told_apart, one.required) for one in told] == [(False, False), (True, True), (True, False)]
