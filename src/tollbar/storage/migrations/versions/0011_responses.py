"""Responses that their keys can go on from."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Text

revision = "0011"
down_revision = "0010"

NUMBER = BigInteger().with_variant(Integer(), "sqlite")


def upgrade() -> None:
    """Adds the table of responses."""
    op.create_table(
        "responses",
        Column("key_id", Text, primary_key=True),
        Column("id", Text, primary_key=True),
        Column("previous", Text),
        Column("provider", Text),
        Column("model", Text, nullable=False),
        Column("at", NUMBER, nullable=False),
        Column("until", NUMBER, nullable=False, index=True),
        Column("size", NUMBER, nullable=False),
        Column("items", LargeBinary, nullable=False),
        Column("document", LargeBinary, nullable=False),
    )
    op.create_index("sizes_of_responses", "responses", ["key_id", "at", "size"])
