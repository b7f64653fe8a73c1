"""The shapes of the audit: who changed what."""

import json
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from tollbar.domain.audit import Entry, Verified
from tollbar.edge.schemas import Shape


class EntryView(Shape):
    """One change."""

    number: int
    at: datetime
    actor: str
    action: str
    subject: str = Field(description="The id of the key or team, or what else was changed.")
    before: dict[str, Any] = Field(description="The fields that differ, as they were.")
    after: dict[str, Any] = Field(description="The same as they are since.")
    request_id: str | None
    seal: str = Field(description="SHA-256 over this entry and the seal of the one before it.")

    @classmethod
    def of(cls, entry: Entry) -> "EntryView":
        """How it is told."""
        return cls(
            number=entry.number,
            at=entry.at,
            actor=entry.actor,
            action=entry.action,
            subject=entry.subject,
            before=json.loads(entry.before),
            after=json.loads(entry.after),
            request_id=entry.request_id,
            seal=entry.seal.hex(),
        )


class EntryList(Shape):
    """Some entries, newest first."""

    object: Literal["list"] = "list"
    data: list[EntryView]
    next: int | None = Field(description="What `before` is for the entries that follow; null where none may.")


class VerdictView(Shape):
    """Whether every entry is as it was written."""

    object: Literal["audit.verdict"] = "audit.verdict"
    entries: int
    last_seal: str = Field(description="Keep it elsewhere: entries that were cut off at the end leave another.")
    wrong: int | None = Field(description="The first entry that does not follow from the one before it.")

    @classmethod
    def of(cls, verdict: Verified) -> "VerdictView":
        """How it is told."""
        return cls(entries=verdict.entries, last_seal=verdict.last_seal.hex(), wrong=verdict.wrong)
