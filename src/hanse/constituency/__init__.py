"""Whom we protect: prefixes and hosts, their organisations, sectors and countries.

In: a registry CSV. Out: the target behind an address. Used by: campaigns, the shell.
"""
