"""Webhooks: edge partners are told at once of what is found, by signed messages to an address that two people agreed on.

In come notices that other rooms offer of their things; out go, through `egress`, those that policy lets the partner
have, in order and at least once. It knows no kinds of things; receivers are edge partners of `taxii`.
"""
