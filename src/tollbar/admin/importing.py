"""Keys of systems that Tollbar takes the place of: they work on as they are, so that no client has to be changed.

Two forms are read: the file that holds one rotating key and its end, and the table of keys with their credits and
tiers, as JSON or as it stands in the Python source it was kept in. The source is read, never run. Everything is checked
before anything is stored; importing again adds what is missing.
"""

import ast
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tollbar.admin import drafts
from tollbar.admin.drafts import KeyDraft
from tollbar.admin.keys import Digest, hint_of, new_id
from tollbar.domain.errors import InvalidValue
from tollbar.domain.identity import Grant, Key, Permission
from tollbar.ports.clock import Clock
from tollbar.ports.keys import KeyStore

TABLES = ("API_KEYS", "API_KEYS_CREDITS")
NAME = "imported"
_SHAPES = "It should hold {api_key, expiry}, or a table {key: {credits, tier}}."


@dataclass(frozen=True, slots=True)
class RotatingImport:
    """The one key that was in force elsewhere, until when."""

    secret: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TableImport:
    """Keys with what they may still spend, and their tiers."""

    rows: Mapping[str, KeyDraft] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a table: the keys that were added, and how many were there already."""

    keys: Sequence[Key]
    known: int


def read_import(text: str) -> RotatingImport | TableImport:
    """What a file holds; raises InvalidValue for anything else."""
    document = _document(text)
    secret = document.get("api_key", document.get("key"))
    if isinstance(secret, str) and {"expiry", "expires_at"} & document.keys():
        return RotatingImport(_secret(secret), _moment(document.get("expiry", document.get("expires_at"))))
    if not document:
        raise InvalidValue("The file holds no keys.", field="file", hint=_SHAPES)
    return TableImport(
        {_secret(secret): _draft(row, number) for number, (secret, row) in enumerate(document.items(), 1)}
    )


async def import_table(
    store: KeyStore, clock: Clock, digest: Digest, table: TableImport, tiers: Collection[str]
) -> Imported:
    """Adds the keys of a table that the store does not know; raises InvalidValue before any is added."""
    checked: list[tuple[str, str, Sequence[Grant]]] = [
        (secret, drafts.read_tier(draft, tiers), drafts.read_grants(draft)) for secret, draft in table.rows.items()
    ]
    names = {key.name for key in await store.list()}
    added: list[Key] = []
    for secret, tier, grants in checked:
        if await store.find(digest(secret)) is not None:
            continue
        name = next(name for number in range(1, len(names) + 2) if (name := f"{NAME}-{number}") not in names)
        names.add(name)
        key = Key(new_id(), name, hint_of(secret), Permission.CALL, clock.now(), tier=tier)
        added.append(await store.add(key, digest(secret), grants))
    return Imported(added, len(checked) - len(added))


def _document(text: str) -> Mapping[str, object]:
    try:
        value = json.loads(text)
    except ValueError:
        value = _table_in(text)
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise InvalidValue("The file is not one that keys can be read from.", field="file", hint=_SHAPES)
    return value


def _table_in(source: str) -> object:
    """The table that a Python source assigns, if it is written out."""
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    for statement in statements:
        if isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id in TABLES for target in statement.targets
        ):
            try:
                return ast.literal_eval(statement.value)
            except (ValueError, RecursionError):
                hint = "A key from the environment is set there: x_api_key=KEY."
                raise InvalidValue("The table of keys is computed, not written out.", field="file", hint=hint) from None
    return None


def _draft(row: object, number: int) -> KeyDraft:
    """One row: the credits alone, or credits and tier."""
    if isinstance(row, int) and not isinstance(row, bool):
        return KeyDraft(credits=row)
    if isinstance(row, dict) and row.keys() <= {"credits", "tier"}:
        credit, tier = row.get("credits"), row.get("tier")
        if (credit is None or type(credit) is int) and (tier is None or isinstance(tier, str)):
            return KeyDraft(credits=credit, tier=tier)
    raise InvalidValue(f"Key number {number} of the table is not of the form.", field="file", hint=_SHAPES)


def _secret(text: str) -> str:
    if not text or not text.isascii() or not text.isprintable() or text != text.strip() or len(text) > 512:
        hint = "It is sent in a header: ASCII without white space around it, at most 512 characters."
        raise InvalidValue("The file holds a key that no client could send.", field="file", hint=hint)
    return text


def _moment(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise InvalidValue("The expiry is no time in ISO 8601.", field="file") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
