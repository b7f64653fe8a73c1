"""Amounts on top of an allowance that end by themselves, and the time zone of its periods."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

revision = "0009"
down_revision = "0008"

NUMBER = BigInteger().with_variant(Integer(), "sqlite")


def upgrade() -> None:
    """Adds the columns; no allowance has such an amount so far, and all periods are in UTC."""
    op.add_column("allowances", Column("extra", NUMBER, nullable=False, server_default="0"))
    op.add_column("allowances", Column("extra_until", NUMBER))
    op.add_column("allowances", Column("zone", Text, nullable=False, server_default="UTC"))
