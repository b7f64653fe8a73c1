"""Who changed what."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Text

revision = "0010"
down_revision = "0009"

NUMBER = BigInteger().with_variant(Integer(), "sqlite")


def upgrade() -> None:
    """Adds the table; what was changed before is not known."""
    op.create_table(
        "audit",
        Column("number", NUMBER, primary_key=True, autoincrement=False),
        Column("at", NUMBER, nullable=False),
        Column("actor", Text, nullable=False),
        Column("action", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("before", Text, nullable=False),
        Column("after", Text, nullable=False),
        Column("request_id", Text),
        Column("seal", LargeBinary, nullable=False),
    )
