"""Storage: engine, transactions, column types and migrations, the same on SQLite and PostgreSQL."""
