"""Files are found by their ids, whoever has them."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Adds the index."""
    op.create_index("ids_of_files", "files", ["id"])
