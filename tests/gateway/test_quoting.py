"""Quotes: the same figures by which a call would be let in, and nothing held."""

import pytest

from tests.making import PRINCIPAL, a_model, a_request, a_scene, a_visit
from tollbar.domain.catalogue import Target
from tollbar.domain.errors import UnknownModel
from tollbar.domain.money import FREE
from tollbar.gateway.quoting import quote
from tollbar.gateway.resolve import Pin

pytestmark = pytest.mark.anyio


async def test_each_target_is_quoted_in_its_order() -> None:
    """The least is no more than the expected, which is no more than the most; an unknown price is none."""
    priced = a_model().targets[0]
    scene = a_scene(models=(a_model(priced, Target("spare", "free", FREE), Target("spare", "unknown")),))
    quoted = await quote(scene.gateway, a_visit(), a_request(max_tokens=10), Pin.NAMED)
    first, free, unknown = quoted.targets
    assert [target.target for target in quoted.targets] == ["main/m", "spare/free", "spare/unknown"]
    bounds = first.bounds
    assert first.least_nano_dollars is not None
    assert bounds.expected_nano_dollars is not None
    assert bounds.most_nano_dollars is not None
    assert 0 < first.least_nano_dollars < bounds.expected_nano_dollars <= bounds.most_nano_dollars
    assert (free.least_nano_dollars, unknown.least_nano_dollars) == (0, None)
    assert (quoted.model, quoted.credits, quoted.short) == ("smart", PRINCIPAL.credit_cost, ())
    assert scene.main.calls == []
    assert scene.ledger.open == {}


async def test_what_is_no_call_has_no_quote() -> None:
    """The same error as the call would get."""
    with pytest.raises(UnknownModel):
        await quote(a_scene().gateway, a_visit(), a_request("nothing"), Pin.NAMED)
