"""Captures with an attack in them, as somebody would bring them."""

from collections.abc import Callable, Iterator
from struct import pack

from tests.telemetry.packets.build import Caught, ethernet, icmp, ipv4, pcap, udp

NOON_US = 1_178_700_000_000_000
"""2007-05-09 08:40:00 UTC."""

SENDERS = 400


def _sender(number: int) -> str:
    """An address in networks of many countries, in no order that a forger would choose."""
    mixed = number * 2_654_435_761 % 2**32
    return f"{60 + mixed % 38}.{mixed >> 8 & 255}.{mixed >> 16 & 255}.{1 + (mixed >> 24) % 254}"


def _bot(number: int) -> str:
    """An address in one of eight networks: machines that were taken over, not a forger's dice."""
    return f"81.20.{number % 8}.{10 + number % 200}"


def flood(
    victim: str = "195.80.105.107", *, packets: int = 30_000, begins_us: int = NOON_US, bots: bool = False
) -> bytes:
    """A pcap of an ICMP flood: 1,000 packets/s of 1,028 octets from 400 addresses, cut to their headers.

    Args:
        victim: Who is hit.
        packets: How many.
        begins_us: When, microseconds UTC.
        bots: Whether the addresses lie together in few networks; by default they are spread over all.
    """
    return pcap(_echoes(victim, packets, begins_us, _bot if bots else _sender))


def _echoes(victim: str, packets: int, begins_us: int, sender: Callable[[int], str]) -> Iterator[Caught]:
    frames = [ethernet(ipv4(icmp(), 1, src=sender(n), dst=victim, total=1028)) for n in range(SENDERS)]
    for number in range(packets):
        yield Caught(frames[number % SENDERS], begins_us + number * 1000, 1042)


def amplified(victim: str, *, packets: int = 20_000, begins_us: int = NOON_US) -> bytes:
    """A pcap of DNS answers nobody asked for: 2,000 packets/s of 1,400 octets from 400 resolvers."""
    answer = pack(">HHHHHH", 7, 0x8180, 1, 20, 0, 0)
    sent = udp(answer, 53, 40_000)
    frames = [ethernet(ipv4(sent, 17, src=_sender(n), dst=victim, total=1400)) for n in range(SENDERS)]
    return pcap(Caught(frames[n % SENDERS], begins_us + n * 500, 1414) for n in range(packets))
