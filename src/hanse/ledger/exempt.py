"""The one list of what is in the database and is not a projection of the ledger, with the reason of each.

Everything else must equal a replay of all entries; `hanse node fsck` compares it, row by row and column by column. Here it
looks whether what is sealed opens, which it does in its own row alone.
"""

TABLES = {
    "django_migrations": "which tables exist, not what is in them",
    "django_content_type": "names of Django's own models",
    "django_session": "unused; sessions are in accounts_session",
    "auth_group": "unused; Django brings it",
    "auth_group_permissions": "unused; Django brings it",
    "auth_permission": "unused; Django brings it",
    "account_emailaddress": "unused; allauth brings it, and an e-mail address identifies nobody here",
    "account_emailconfirmation": "unused; allauth brings it",
    "socialaccount_socialapp": "unused; allauth brings it, and issuers are in accounts_issuer",
    "socialaccount_socialaccount": "unused; allauth brings it, and who may come by an issuer is accounts_issuer",
    "socialaccount_socialtoken": "unused; allauth brings it",
    "accounts_session": "sessions: short-lived, and checked against the people's entries at every request",
    "django_tasks_database_dbtaskresult": "the job queue",
    "web_job": "the job queue: what runs, how far it is, and how it ended",
    "web_idempotency": "answers kept for a day, so that a repeated request is not done twice",
    "sqlite_sequence": "SQLite's own counters",
    "ledger_head": "checked against the entries themselves",
    "ledger_entry": "the ledger itself, checked by signature and tree",
    "ledger_lost": "hashes of entries that were lost with a database, checked as the ledger's own are",
    "ledger_carriedmarking": "which markings entries carry, checked against their envelopes",
    "ledger_body": "the ledger itself, checked by commitment",
    "ledger_checkpoint": "the ledger's tree, checked by signature and recomputed",
    "ledger_tile": "the ledger's tree, recomputed",
    "federation_link": "how the line to each partner stands; what matters in it is signed by the partner",
    "federation_rulemark": "up to where a rule has looked; what it shared is on record",
    "federation_witnessed": "checkpoints of partners' ledgers: signed by them, and each follows from the one before",
    "taxii_day": "how much a partner has sent today, so that there is an end to it",
    "matching_runpart": "what goes over the wire while two sides compare; its hashes are on record at the end",
    "matching_ownset": "what is published for a partner's questions: decoys are drawn by chance; it can be made anew",
    "matching_owndelta": "versions of what is published; goes with it",
    "matching_theirset": "what a partner publishes for questions; it can be fetched anew",
    "matching_ownturns": "turns of standing matching, with decoys; lost ones are opened anew",
    "matching_theirturns": "a partner's turns of standing matching; it opens lost ones anew",
    "matching_standingturn": "what turns were made of, for an auditor; hashes of them are on record when their day is over",
    "matching_heldtoken": "tokens of a partner's turns; go with them",
    "intel_words": "a search index, made again with the items",
    **{
        f"intel_words_{part}": "a part of SQLite's search index"
        for part in ("config", "content", "data", "docsize", "idx", "terms")
    },
    "ledger_scrubbed": "when the files were last cleaned: about the machine, not about what is known",
}
"""Tables by name, and why they are exempt."""

COLUMNS = {
    "mfa_authenticator.last_used_at": "when a passkey was last used; each sign-in is an entry of its own",
}
"""``table.column`` of otherwise compared tables, and why the column is exempt; a rebuild empties it."""
