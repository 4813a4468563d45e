"""The one way out of the node: HTTP, webhooks and mail, to addresses that were checked first.

In: an address that somebody wrote, and what may be reached. Out: a bounded answer, or an error that says why not.
Used by feeds, partners, sign-in by OIDC, webhooks and notices by mail; nothing else opens an outgoing connection.
"""
