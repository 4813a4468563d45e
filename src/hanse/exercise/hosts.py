"""The hosts of the exercises' constituency: the published destinations, and invented hosts around them.

Invented hosts have addresses of 198.18.0.0/15, which is set apart for benchmarks (RFC 2544) and belongs
to nobody; their organisations do not exist. News sites are entered as "digital providers", the nearest
NIS2 sector: the directive has none for the press.
"""

from dataclasses import dataclass

import numpy as np

from hanse.constituency import Target
from hanse.exercise.facts import Destination
from hanse.exercise.floods import address_number
from hanse.exercise.randomness import Addresses

_INVENTED = (
    # organisation, sector, roles of its hosts; each organisation has a /24 of its own
    ("Bank One (invented)", "banking", ("web", "web", "mail", "vpn")),
    ("Bank Two (invented)", "banking", ("web", "mail", "vpn")),
    ("Bank Three (invented)", "banking", ("web", "mail")),
    ("Stock Exchange (invented)", "financial market infrastructures", ("web", "mail")),
    ("Daily News (invented)", "digital providers", ("web", "web", "mail", "stream")),
    ("Evening News (invented)", "digital providers", ("web", "mail")),
    ("Search and Shop (invented)", "digital providers", ("web", "web", "mail")),
    ("Access Provider North (invented)", "digital infrastructure", ("resolver", "dns", "ntp", "mail", "p2p")),
    ("Access Provider South (invented)", "digital infrastructure", ("resolver", "dns", "mail", "p2p")),
    ("Domain Registry (invented)", "digital infrastructure", ("dns", "dns", "web")),
    ("Hosting House (invented)", "ict service management", ("web", "web", "web", "backup", "backup")),
    ("Power Grid (invented)", "energy", ("web", "plc", "vpn")),
    ("Oil Shale Works (invented)", "energy", ("web", "plc")),
    ("City Water (invented)", "drinking water", ("web", "plc")),
    ("Rail and Port (invented)", "transport", ("web", "mail", "vpn")),
    ("Central Hospital (invented)", "health", ("web", "mail", "backup")),
    ("University (invented)", "research", ("web", "mail", "ntp", "resolver", "download")),
    ("City Government (invented)", "public administration", ("web", "mail", "vpn")),
    ("Tax Office (invented)", "public administration", ("web", "mail")),
)


@dataclass(frozen=True, slots=True)
class Host:
    """A host of the constituency: address in text, what it does, and whose it is."""

    address: str
    role: str
    target: Target

    @property
    def number(self) -> int:
        """Its address as host-order integer."""
        return address_number(self.address)


def estonian_hosts(destinations: tuple[Destination, ...]) -> tuple[Host, ...]:
    """The published destinations (as web servers) and the invented hosts, all in Estonia."""
    found = [
        Host(
            each.address,
            "web",
            Target(f"{each.address}/32", each.organisation, "public administration", "EE", each.site),
        )
        for each in destinations
    ]
    for index, (organisation, sector, roles) in enumerate(_INVENTED):
        for host, role in enumerate(roles):
            address = f"198.18.{index + 1}.{10 + host}"
            found.append(Host(address, role, Target(f"{address}/32", organisation, sector, "EE")))
    return tuple(found)


_ABROAD = (
    ("Riga Bank (invented)", "banking", "LV"),
    ("Daugava Bank (invented)", "banking", "LV"),
    ("Kurzeme Bank (invented)", "banking", "LV"),
    ("Vilnius Bank (invented)", "banking", "LT"),
    ("Kaunas Bank (invented)", "banking", "LT"),
    ("Helsinki Bank (invented)", "banking", "FI"),
    ("Latvian Airport (invented)", "transport", "LV"),
    ("Lithuanian Hospital (invented)", "health", "LT"),
    ("Finnish Foods (invented)", "food", "FI"),
)


def neighbouring_hosts() -> tuple[Host, ...]:
    """Two invented web servers each of organisations in Latvia, Lithuania and Finland."""
    found = []
    for index, (organisation, sector, country) in enumerate(_ABROAD):
        for host in (10, 11):
            address = f"198.19.{index + 1}.{host}"
            found.append(Host(address, "web", Target(f"{address}/32", organisation, sector, country)))
    return tuple(found)


def with_role(hosts: tuple[Host, ...], *roles: str) -> Addresses:
    """Addresses of the hosts that have one of these roles, as host-order integers."""
    return np.array([host.number for host in hosts if host.role in roles], np.uint32)
