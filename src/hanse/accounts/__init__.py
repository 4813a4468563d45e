"""People, how they prove who they are, and what takes two of them. Every page and API answer uses it.

In come sign-ins, invitations and proposals; out goes `request.actor`, checked against the ledger's signed entries.
"""
