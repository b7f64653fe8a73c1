"""The first tables."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
)

revision = "0001"
down_revision = None

NUMBER = BigInteger().with_variant(Integer(), "sqlite")


def upgrade() -> None:
    """Makes every table, and the one row of `changes`."""
    _keys()
    _money()
    _records()
    op.execute("INSERT INTO changes (id, number) VALUES (1, 0)")


def _keys() -> None:
    op.create_table("meta", Column("name", Text, primary_key=True), Column("value", Text, nullable=False))
    op.create_table(
        "changes",
        Column("id", Integer, primary_key=True),
        Column("number", NUMBER, nullable=False),
    )
    op.create_table(
        "keys",
        Column("id", Text, primary_key=True),
        Column("name", Text, nullable=False, unique=True),
        Column("hint", Text, nullable=False),
        Column("permission", Text, nullable=False),
        Column("models", Text, nullable=False),
        Column("limits", Text, nullable=False),
        Column("created_at", NUMBER, nullable=False),
        Column("expires_at", NUMBER),
        Column("revoked_at", NUMBER),
        Column("version", Integer, nullable=False),
    )
    op.create_table(
        "secrets",
        Column("digest", LargeBinary, primary_key=True),
        Column("key_id", Text, ForeignKey("keys.id"), nullable=False, index=True),
        Column("valid_until", NUMBER),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "allowances",
        Column("id", NUMBER, primary_key=True),
        Column("key_id", Text, ForeignKey("keys.id"), nullable=False),
        Column("unit", Text, nullable=False),
        Column("granted", NUMBER, nullable=False),
        Column("spent", NUMBER, nullable=False),
        Column("leased", NUMBER, nullable=False),
        Column("reset", Text, nullable=False),
        Column("period_start", NUMBER, nullable=False),
        Column("period_end", NUMBER),
        UniqueConstraint("key_id", "unit"),
        CheckConstraint("granted >= 0 AND spent >= 0 AND leased >= 0", name="amounts"),
    )


def _money() -> None:
    op.create_table(
        "processes",
        Column("id", NUMBER, primary_key=True),
        Column("started_at", NUMBER, nullable=False),
        Column("heartbeat_at", NUMBER, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "leases",
        Column("allowance", NUMBER, primary_key=True),
        Column("process", NUMBER, primary_key=True),
        Column("period_start", NUMBER, nullable=False),
        Column("amount", NUMBER, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "holds",
        Column("reservation", NUMBER, primary_key=True),
        Column("allowance", NUMBER, primary_key=True),
        Column("process", NUMBER, nullable=False),
        Column("period_start", NUMBER, nullable=False),
        Column("amount", NUMBER, nullable=False),
        Column("request_id", Text, nullable=False),
        Column("at", NUMBER, nullable=False),
        Column("estimate", Text),
        sqlite_with_rowid=False,
    )


def _records() -> None:
    op.create_table(
        "ledger",
        Column("id", NUMBER, primary_key=True),
        Column("request_id", Text, nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("key_id", Text, nullable=False),
        Column("model", Text, nullable=False),
        Column("target", Text, nullable=False),
        Column("outcome", Text, nullable=False),
        Column("provenance", Text, nullable=False),
        Column("prompt_tokens", NUMBER, nullable=False),
        Column("completion_tokens", NUMBER, nullable=False),
        Column("cached_read_tokens", NUMBER, nullable=False),
        Column("cached_write_tokens", NUMBER, nullable=False),
        Column("reasoning_tokens", NUMBER, nullable=False),
        Column("audio_prompt_tokens", NUMBER, nullable=False),
        Column("audio_completion_tokens", NUMBER, nullable=False),
        Column("paid", Integer, nullable=False),
        Column("credits", NUMBER, nullable=False),
        Column("cost_nano_dollars", NUMBER),
        Column("price_version", Text),
        Column("items", Text, nullable=False),
        Column("at", NUMBER, nullable=False),
        Column("flag", Text),
        UniqueConstraint("request_id", "attempt"),
    )
    op.create_table(
        "requests",
        Column("id", NUMBER, primary_key=True),
        Column("request_id", Text, nullable=False, index=True),
        Column("at", NUMBER, nullable=False),
        Column("route", Text, nullable=False),
        Column("key_id", Text),
        Column("key_name", Text),
        Column("address", Text, nullable=False),
        Column("model", Text),
        Column("target", Text),
        Column("stream", Integer, nullable=False),
        Column("outcome", Text, nullable=False),
        Column("status", Integer, nullable=False),
        Column("error_code", Text),
        Column("prompt_tokens", NUMBER),
        Column("completion_tokens", NUMBER),
        Column("provenance", Text),
        Column("credits", NUMBER, nullable=False),
        Column("cost_nano_dollars", NUMBER),
        Column("duration_microseconds", NUMBER, nullable=False),
        Column("first_token_microseconds", NUMBER),
        Column("user", Text),
        Column("detail", Text, nullable=False),
    )
