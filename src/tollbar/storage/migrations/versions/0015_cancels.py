"""Calls that are to be ended, wherever they run."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

revision = "0015"
down_revision = "0013"

NUMBER = BigInteger().with_variant(Integer(), "sqlite")


def upgrade() -> None:
    """Adds the table, and the number that tells of what is in it."""
    op.create_table(
        "cancels",
        Column("request_id", Text, primary_key=True),
        Column("key_id", Text),
        Column("at", NUMBER, nullable=False),
        Column("is_told", Integer, nullable=False),
    )
    op.execute("INSERT INTO changes (id, number) VALUES (2, 0)")
