"""The node's own append-only, signed ledger.

In come drafts of what was learnt, decided or disclosed; out go entries with their proofs, and the projections
rebuilt from them. Every room's service writes through it.
"""
