"""Keys that callers fetch: one for each address, whoever is first."""

import asyncio
import re
from dataclasses import replace

import pytest

from tests.admin.desk import Desk
from tollbar.admin.drafts import KeyDraft
from tollbar.admin.keys import issue_key, revoke_key
from tollbar.admin.self_service import SelfServiceTerms, issue_own
from tollbar.domain.digest import place_text
from tollbar.domain.errors import KeyAlreadyIssued
from tollbar.domain.identity import Grant, KeyKind, Reset
from tollbar.domain.limits import Limit, Measure
from tollbar.domain.money import Unit
from tollbar.ports.keys import KeyChange

pytestmark = pytest.mark.anyio

HERE = "192.0.2.7"
TERMS = SelfServiceTerms(
    ("smart",), (Limit(Measure.REQUESTS, 5, 60),), (Grant(Unit.CREDITS, 7), Grant(Unit.USES, 1, Reset.NEVER))
)
RENEWING = replace(TERMS, may_renew=True)


async def test_a_key_is_made_as_the_terms_say(desk: Desk) -> None:
    """31 letters and digits; bound to the address, which is nowhere in clear."""
    issued = await issue_own(desk.keys, desk.clock, desk.digest, TERMS, HERE)
    assert re.fullmatch(r"[A-Za-z0-9]{31}", issued.secret)
    holder = await desk.holder(issued.secret)
    assert holder is not None
    assert (holder.kind, holder.models, holder.limits) == (KeyKind.SELF_SERVICE, ("smart",), TERMS.limits)
    assert holder.bound_to == desk.digest(place_text(HERE))
    stored = await desk.keys.get(issued.key.id)
    assert [(one.id.unit, one.granted) for one in stored.allowances] == [(Unit.CREDITS, 7), (Unit.USES, 1)]
    assert HERE not in repr(stored)
    assert issued.secret[:-4] not in repr(stored)


async def test_an_address_has_one_key(desk: Desk) -> None:
    """The second is refused without a part of the first; another address has its own; other keys do not count."""
    issued = await issue_own(desk.keys, desk.clock, desk.digest, TERMS, HERE)
    await issue_key(desk.keys, desk.clock, desk.digest, KeyDraft(name="ana"))
    with pytest.raises(KeyAlreadyIssued) as refused:
        await issue_own(desk.keys, desk.clock, desk.digest, TERMS, HERE)
    assert issued.secret[-4:] not in refused.value.text
    assert issued.key.id not in refused.value.text
    await issue_own(desk.keys, desk.clock, desk.digest, TERMS, "198.51.100.1")


@pytest.mark.parametrize("terms", [TERMS, RENEWING])
async def test_of_many_at_once_one_gets_a_key(desk: Desk, terms: SelfServiceTerms) -> None:
    """Fifty from one address; the one key works."""
    asked = [issue_own(desk.keys, desk.clock, desk.digest, terms, HERE) for _ in range(50)]
    ends = await asyncio.gather(*asked, return_exceptions=True)
    issued = [end for end in ends if not isinstance(end, BaseException)]
    assert (len(issued), len(await desk.keys.list())) == (1, 1)
    assert {type(end) for end in ends if isinstance(end, BaseException)} == {KeyAlreadyIssued}
    assert await desk.holder(issued[0].secret) is not None


@pytest.mark.parametrize("ending", ["revoked", "expired"])
async def test_a_key_that_is_over_is_still_the_one(desk: Desk, ending: str) -> None:
    """Unless a setting lets the address replace it; then the old one can never come back, and there is one again."""
    first = await issue_own(desk.keys, desk.clock, desk.digest, TERMS, HERE)
    with pytest.raises(KeyAlreadyIssued):
        await issue_own(desk.keys, desk.clock, desk.digest, RENEWING, HERE)
    if ending == "revoked":
        await revoke_key(desk.keys, desk.clock, first.key.id)
    else:
        await desk.keys.change(first.key.id, KeyChange(expires_at=desk.clock.now()))
    with pytest.raises(KeyAlreadyIssued):
        await issue_own(desk.keys, desk.clock, desk.digest, TERMS, HERE)
    asked = [issue_own(desk.keys, desk.clock, desk.digest, RENEWING, HERE) for _ in range(20)]
    ends = await asyncio.gather(*asked, return_exceptions=True)
    (second,) = [end for end in ends if not isinstance(end, BaseException)]
    await desk.keys.change(first.key.id, KeyChange(never_expires=True))
    assert await desk.holder(first.secret) is None
    assert await desk.holder(second.secret) is not None
