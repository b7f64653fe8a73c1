"""What Alembic runs to migrate: on the connection, and in the transaction, that `upgrade.py` gives it."""

from alembic import context

from tollbar.storage.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
