"""What in an exercise is published, and what had to be assumed: the words that truth.json carries."""

from hanse.exercise.facts import estonia_2007

_ALWAYS = (
    "Background and everything that resembles an attack is made up: rates by hour of the day and week, heavy-tailed sizes.",
    "Hosts in 198.18.0.0/15 (set apart for benchmarks, RFC 2544) and their organisations are invented; news sites are entered as digital providers, since NIS2 has no sector for the press.",
    "Addresses of clients, bots, reflectors and scanners are drawn at random in space given to access networks by 2007; none is taken from any record, and none says anything about a real host.",
    "Two border routers export every flow (sampling 1), a lasting one after at most 65 s, with times in milliseconds.",
)
_ESTONIA = (
    "Which attack had which destination, day, vector, length and peak together is drawn at random by seed; only the margins were published.",
    "The two attacks that the published durations leave out lasted between 9 and 10 hours.",
    "An attack counts on the day (UTC) of its start; those of 4 and 9 May end before midnight, so that the days after are quiet.",
    "Values inside a published row are drawn at random, away from the row's edges; the ten attacks that reached 90 Mbit/s stayed under 95.",
    "Attacks on one destination with one vector are at least 420 s apart; a generic flood and any other attack on its destination at least 900 s.",
    "Most attacks start in waves, within a minute of attacks on other destinations.",
    "ICMP and generic floods come from one invented botnet of which each attack uses a part; two tools send echo requests of 1,028 or 540 bytes.",
    "SYN floods begin within 50 s of an ICMP flood on another destination.",
    "SYN floods forge their sources uniformly over the unicast space, are among the small peaks, and last up to 4 minutes; below scale 4 a forged address stands for several packets.",
    "A generic flood is a mixture of UDP, TCP ACK, ICMP, fragments, GRE and IGMP without a majority.",
    "The unnamed destinations are entered under their networks, in the sector public administration.",
)
_TWO = (
    "Both campaigns and the lone attacks are invented; real destinations among the victims only stand for a state's sites.",
    "Campaign A: ICMP floods of 1,028 and UDP floods of 1,052 bytes from one botnet, on ten sites of several sectors in Estonia, 4 to 9 May.",
    "Campaign B: DNS and NTP reflection from two lists of reflectors and SYN floods from another botnet, on banks in four countries, 7 to 11 May.",
    "One bank's site is attacked by both. Six more attacks have victims, vectors, sources and times of their own.",
)
_VIEW = (
    "One of four views of the 128 attacks, dealt out by destination; only those in Estonia's view are where they were published. The others are made at the same times, from the same botnet, on invented hosts in Finland, in the United Kingdom and of an alliance: that is fiction.",
    "Each authority's hosts, routers and everyday traffic are its own.",
)


def assumptions(scenario: str) -> tuple[str, ...]:
    """What is assumed in a scenario, one sentence or two each."""
    if scenario.startswith("league-"):
        return _ALWAYS + _ESTONIA + _VIEW
    return _ALWAYS + {"estonia-2007": _ESTONIA, "two-campaigns": _TWO}.get(scenario, ())


def published(scenario: str) -> tuple[str, ...]:
    """What a scenario takes from publications, and how sure that is."""
    if scenario != "estonia-2007":
        return ()
    facts = estonia_2007()
    return (f"{facts.what}.", *facts.confidence)
