"""`/admin/api/keys`: the use cases of `admin/keys.py` over HTTP, and nothing of their own.

Every change counts at once in this process. A secret is in the answer that made it and in no other.
"""

import re
from datetime import timedelta

from fastapi import Request
from starlette.responses import Response

from tollbar.admin import keys
from tollbar.admin.drafts import KeyDraft
from tollbar.admin.keys import IssuedKey
from tollbar.admin.teams import placed
from tollbar.domain.errors import InvalidValue
from tollbar.domain.identity import Key
from tollbar.edge.acting import keys_of
from tollbar.edge.bodies import answer, read
from tollbar.edge.schemas import (
    IssuedKeyView,
    KeyFields,
    KeyList,
    KeyUpdate,
    KeyView,
    NewKey,
    Revocation,
    Rotation,
    TopUpWish,
)
from tollbar.edge.services import Services

_VERSION = re.compile(r'(?:W/)?"?(\d{1,18})"?')


async def list_keys(request: Request) -> Response:
    """Every key, newest first."""
    services = _services(request)
    now = services.clock.now()
    return answer(KeyList(data=[KeyView.of(key, now) for key in await keys.list_keys(services.keys)]))


async def create_key(request: Request) -> Response:
    """Makes a key; the answer is the only one that holds its secret."""
    services = _services(request)
    draft = await placed(services.teams, _draft(await read(request, NewKey)))
    issued = await keys.issue_key(keys_of(request), services.clock, services.digest, draft, services.doors.tiers)
    services.key_changed(issued.key.id)
    return _issued(services, issued, status=201)


async def show_key(request: Request, key_id: str) -> Response:
    """One key, without its secret."""
    services = _services(request)
    return _shown(services, await services.keys.get(key_id))


async def update_key(request: Request, key_id: str) -> Response:
    """Changes what the body names; with `If-Match` or `version`, only if nobody else changed the key since."""
    services = _services(request)
    update = await read(request, KeyUpdate)
    version = expected_version(request, update.version)
    draft = await placed(services.teams, _draft(update))
    key = await keys.update_key(keys_of(request), services.clock, key_id, draft, version, services.doors.tiers)
    services.key_changed(key_id)
    return _shown(services, key)


async def top_up_key(request: Request, key_id: str) -> Response:
    """Puts amounts on top of the key's allowances for a while, in the place of what is there."""
    services = _services(request)
    draft = KeyDraft(**(await read(request, TopUpWish)).model_dump())
    key = await keys.top_up_key(keys_of(request), services.clock, key_id, draft)
    services.key_changed(key_id)
    return _shown(services, key)


async def rotate_key(request: Request, key_id: str) -> Response:
    """Gives the key another secret, shown in this answer alone; the present one works on for the grace period."""
    services = _services(request)
    grace = timedelta(seconds=(await read(request, Rotation)).grace_seconds)
    issued = await keys.rotate_key(keys_of(request), services.clock, services.digest, key_id, grace)
    services.key_changed(key_id)
    return _issued(services, issued, status=200)


async def revoke_key(request: Request, key_id: str) -> Response:
    """Ends the key for good, at once; streams that it began end with an error."""
    services = _services(request)
    await read(request, Revocation)
    key = await keys.revoke_key(keys_of(request), services.clock, key_id)
    services.key_changed(key_id)
    return _shown(services, key)


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def _draft(fields: KeyFields) -> KeyDraft:
    return KeyDraft(**fields.model_dump(exclude={"version"}))


def expected_version(request: Request, told: int | None) -> int | None:
    """The version that a change is meant for, by `If-Match` or as the body told it; raises InvalidValue."""
    header = request.headers.get("if-match", "*").strip()
    if header == "*":
        return told
    match = _VERSION.fullmatch(header)
    if match is None:
        raise InvalidValue("If-Match must be the ETag of what is changed, or *.", field="if-match")
    version = int(match[1])
    if told not in (None, version):
        raise InvalidValue("If-Match and 'version' name different versions.", field="version")
    return version


def _shown(services: Services, key: Key) -> Response:
    response = answer(KeyView.of(key, services.clock.now()))
    response.headers["etag"] = f'"{key.version}"'
    return response


def _issued(services: Services, issued: IssuedKey, status: int) -> Response:
    view = KeyView.of(issued.key, services.clock.now())
    response = answer(IssuedKeyView(**view.model_dump(), key=issued.secret), status)
    response.headers["etag"] = f'"{issued.key.version}"'
    return response
