"""Kinds of keys, their tiers, and the addresses that some are bound to."""

from alembic import op
from sqlalchemy import Column, LargeBinary, Text, text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds the columns; every key so far was issued, is plain, and works from everywhere."""
    op.add_column("keys", Column("kind", Text, nullable=False, server_default="issued"))
    op.add_column("keys", Column("tier", Text, nullable=False, server_default=""))
    op.add_column("keys", Column("bound_to", LargeBinary))
    only = text("kind = 'self_service'")
    op.create_index("one_key_per_address", "keys", ["bound_to"], unique=True, sqlite_where=only, postgresql_where=only)
