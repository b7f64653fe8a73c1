"""The store: keys, allowances, ledger and request log in one SQLite file. `store.open_storage` is its door."""
