"""The console's frame, its situation page, first run, search, ledger pages, and the front-end's sources.

In come the rooms' projections through policy; out go pages for people.
"""
