"""The one list of what is in the database and is not a projection of the ledger, with the reason of each.

Everything else must equal a replay of all entries; `hanse fsck` compares it, row by row and column by column.
"""

TABLES = {
    "django_migrations": "which tables exist, not what is in them",
    "django_content_type": "names of Django's own models",
    "django_session": "sessions: short-lived, and checked against the people's rows at every request",
    "auth_group": "unused; Django brings it",
    "auth_group_permissions": "unused; Django brings it",
    "auth_permission": "unused; Django brings it",
    "django_tasks_db_dbtaskresult": "the job queue",
    "sqlite_sequence": "SQLite's own counters",
    "ledger_head": "checked against the entries themselves",
    "ledger_entry": "the ledger itself, checked by signature and tree",
    "ledger_body": "the ledger itself, checked by commitment",
    "ledger_checkpoint": "the ledger's tree, checked by signature and recomputed",
    "ledger_tile": "the ledger's tree, recomputed",
}
"""Tables by name, and why they are exempt."""

COLUMNS: dict[str, str] = {}
"""``table.column`` of otherwise compared tables, and why the column is exempt."""
