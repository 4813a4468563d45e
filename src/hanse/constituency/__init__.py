"""Whom we protect: prefixes and hosts, their organisations, sectors and countries.

In: a registry CSV. Out: the target behind an address. Used by: campaigns, the shell.
"""

from hanse.constituency.registry import Coverage, Registry, RegistryError, Target
from hanse.constituency.sectors import SECTORS

__all__ = ["SECTORS", "Coverage", "Registry", "RegistryError", "Target"]
