"""What calls with an Idempotency-Key were answered, for whoever asks again."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Text

revision = "0007"
down_revision = "0004"

NUMBER = BigInteger().with_variant(Integer(), "sqlite")


def upgrade() -> None:
    """Adds the table of answers."""
    op.create_table(
        "answers",
        Column("scope", Text, primary_key=True),
        Column("name", LargeBinary, primary_key=True),
        Column("digest", LargeBinary, nullable=False),
        Column("request_id", Text, nullable=False),
        Column("process", NUMBER, nullable=False),
        Column("until", NUMBER, nullable=False, index=True),
        Column("status", Integer),
        Column("head", Text),
        Column("body", LargeBinary),
    )
