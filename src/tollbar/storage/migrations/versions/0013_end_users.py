"""End users of keys and teams, and what was used by day and model."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text, UniqueConstraint

revision = "0013"
down_revision = "0012"

NUMBER = BigInteger().with_variant(Integer(), "sqlite")
SUM_UP = """\
INSERT INTO usage (key_id, end_user, day, model, calls, prompt_tokens, completion_tokens, credits, cost_nano_dollars,
  unpriced)
SELECT key_id, '', at / 86400000000, model, count(*), sum(prompt_tokens), sum(completion_tokens), sum(credits),
  sum(coalesce(cost_nano_dollars, 0)), count(*) - count(cost_nano_dollars)
FROM ledger WHERE paid = 1 GROUP BY key_id, at / 86400000000, model
"""


def upgrade() -> None:
    """Adds the tables and columns; what was used before is summed up from the ledger."""
    op.add_column("keys", Column("each_user", Text))
    op.add_column("teams", Column("each_user", Text))
    op.add_column("ledger", Column("end_user", Text))
    op.create_table(
        "end_users",
        Column("id", Text, primary_key=True),
        Column("owner", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("first_seen_at", NUMBER, nullable=False),
        Column("blocked_at", NUMBER),
        UniqueConstraint("owner", "name"),
    )
    op.create_table(
        "usage",
        Column("key_id", Text, primary_key=True),
        Column("end_user", Text, primary_key=True),
        Column("day", Integer, primary_key=True, autoincrement=False),
        Column("model", Text, primary_key=True),
        Column("calls", NUMBER, nullable=False),
        Column("prompt_tokens", NUMBER, nullable=False),
        Column("completion_tokens", NUMBER, nullable=False),
        Column("credits", NUMBER, nullable=False),
        Column("cost_nano_dollars", NUMBER, nullable=False),
        Column("unpriced", NUMBER, nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute(SUM_UP)
