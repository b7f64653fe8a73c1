"""What each process says of the calls that it runs, when it is asked."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

revision = "0017"
down_revision = "0016"

NUMBER = BigInteger().with_variant(Integer(), "sqlite")


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "reports",
        Column("question", Text, primary_key=True),
        Column("process", Text, primary_key=True),
        Column("at", NUMBER, nullable=False),
        Column("calls", Text, nullable=False),
    )
