"""Whether the live collector sees, look after look: what it came to be blind to, and to what no longer, once each.

In comes how the collector says it is, every few seconds; out go the things to tell people. Between two looks what was
seen lies in one small file beside the collector's own, so that a worker that starts anew says nothing twice.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from hanse.console.processes import CollectorState
from hanse.kernel import units

SILENT_S: Final = 300.0
"""For so long nothing came from anybody: exporters that work send flows or templates every minute or so."""
GRACE_S: Final = 60.0
"""A collector that ended is started anew within seconds; one that does not run for longer is not watching."""
EXPORTER_SILENT_S: Final = 600.0
LONGEST_GAP_S: Final = 3_600.0
"""An exporter is silent after three times its longest pause, within these two: one at a quiet place sends seldom."""
KNOWN_AFTER_S: Final = 3_600.0
"""Over so long an exporter was heard before its silence says anything: an address that somebody forged for some minutes and
then no more is none that was lost."""
FORGOTTEN_S: Final = 7 * 86_400.0
"""An exporter that was silent for so long was taken away."""
MOST_KNOWN: Final = 200
"""Exporters that are remembered, those heard over the longest first: forged ones crowd out none that was there before them."""
EXPORTER: Final = "exporter/"
"""What the names begin with under which exporters are told of."""
MOST_NAMED: Final = 20
"""Exporters that one message names."""


COLLECTOR: Final = "collector"
ANALYSIS: Final = "analysis"
SILENCE: Final = "silence"
_NAME_OWN: Final = "name your own under Settings, Live collector, and no other is heard."


class Known(msgspec.Struct, frozen=True):
    """An exporter as it was heard.

    Attributes:
        first_s: When first, seconds UTC.
        last_s: When last.
        datagrams: How many it had sent by then, since the collector started.
        gap_s: Its longest pause.
    """

    first_s: float
    last_s: float
    datagrams: int
    gap_s: float = 0.0

    def is_silent(self, now_s: float, since_s: float) -> bool:
        """Whether it pauses for longer than it ever did, by what was heard since a time."""
        usual = min(max(EXPORTER_SILENT_S, 3 * self.gap_s), LONGEST_GAP_S)
        return self.last_s - self.first_s >= KNOWN_AFTER_S and now_s - max(self.last_s, since_s) > usual


class Sight(msgspec.Struct, frozen=True):
    """What is remembered between two looks.

    Attributes:
        since_s: When the collector started that was seen last, seconds UTC.
        datagrams: How many it had heard of those who may send to it.
        heard_s: When that last became more; 0 where nobody ever sent.
        unseen: Flows that it had not looked at, and datagrams that it had lost for want of room.
        unseen_s: When that last became more; 0 for never.
        down_s: Since when it does not run though it should; 0 while it does.
        senders: Who may send, as people have set it; empty for everybody.
        known: Exporters by name.
        told: What people were told that it is blind to, by a name that stays while it lasts.
    """

    since_s: float = 0.0
    datagrams: int = 0
    heard_s: float = 0.0
    unseen: int = 0
    unseen_s: float = 0.0
    down_s: float = 0.0
    senders: tuple[str, ...] = ()
    known: dict[str, Known] = {}
    told: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Told:
    """What changed at a look.

    Attributes:
        blind: What the collector is blind to since, a sentence or two each.
        over: What it was blind to and is no more, in the words of when it began.
    """

    blind: tuple[str, ...] = ()
    over: tuple[str, ...] = ()


def look(
    before: Sight, state: CollectorState, now_s: float, senders: tuple[str, ...] = ()
) -> tuple[Sight, Told]:
    """What to remember after a look, and what to tell.

    Args:
        before: What was remembered.
        state: How the collector is, seen with what the settings want.
        now_s: Seconds UTC.
        senders: Who may send, as people have set it. Once that is changed, whom to expect is learned anew: who was taken
            off the list is silent because people wanted it.
    """
    if senders != before.senders:
        told = {name: words for name, words in before.told.items() if not name.startswith(EXPORTER)}
        before = msgspec.structs.replace(before, senders=senders, known={}, told=told)
    if state.state == "off":  # people turned it off: it is blind to all, as they wanted
        return Sight(senders=senders), Told()
    seen = _heard(before, state, now_s)
    found = _blind_to(seen, state, now_s)
    told = {name: before.told.get(name, words) for name, words in found.items()}
    new = tuple(words for name, words in found.items() if name not in before.told)
    over = tuple(
        words
        for name, words in before.told.items()
        if name not in found and (name in seen.known or not name.startswith(EXPORTER))
    )
    return msgspec.structs.replace(seen, told=told), Told(new, over)


def _heard(before: Sight, state: CollectorState, now_s: float) -> Sight:
    """What was heard since the last look; a collector that started anew counts from nothing."""
    if state.state not in {"running", "blind"}:
        return msgspec.structs.replace(before, down_s=before.down_s or now_s)
    anew = state.since_s != before.since_s
    datagrams = state.datagrams - state.refused
    unseen = state.unseen + state.kernel_dropped
    return Sight(
        since_s=state.since_s,
        datagrams=datagrams,
        heard_s=now_s if datagrams > (0 if anew else before.datagrams) else before.heard_s,
        unseen=unseen,
        unseen_s=now_s if unseen > (0 if anew else before.unseen) else before.unseen_s,
        senders=before.senders,
        known=_known(before.known, state, now_s, anew=anew),
        told=before.told,
    )


def _known(before: dict[str, Known], state: CollectorState, now_s: float, *, anew: bool) -> dict[str, Known]:
    known = dict(before)
    for one in state.exporters:
        was = before.get(_key(one.name))
        if was is None:
            known[_key(one.name)] = Known(now_s, now_s, one.datagrams)
        elif one.datagrams != was.datagrams or (anew and one.datagrams):
            gap_s = was.gap_s if anew else max(was.gap_s, now_s - was.last_s)
            known[_key(one.name)] = Known(was.first_s, now_s, one.datagrams, gap_s)
    left = [(name, one) for name, one in known.items() if now_s - one.last_s < FORGOTTEN_S]
    left.sort(key=lambda one: one[1].first_s - one[1].last_s)
    return dict(left[:MOST_KNOWN])


def _key(name: str) -> str:
    """The name under which an exporter is told of."""
    return EXPORTER + name


def _blind_to(seen: Sight, state: CollectorState, now_s: float) -> dict[str, str]:
    """What it is blind to now, by name. Of what cannot be known now, what people were told goes on."""
    if seen.down_s:
        why = {COLLECTOR: f"The live collector does not run, and no attack is seen: {state.words}"}
        return seen.told | why if state.state == "failed" and now_s - seen.down_s >= GRACE_S else seen.told
    found = {ANALYSIS: state.words} if state.state == "blind" else {}
    # A collector that was away hears nobody's silence; what people were told of is over when something is heard.
    listens_s = seen.heard_s if SILENCE in seen.told else max(seen.heard_s, seen.since_s)
    if seen.heard_s and now_s - listens_s > SILENT_S:
        found[SILENCE] = (
            f"No exporter has sent anything since {_moment(seen.heard_s)}: no attack can be seen. Look whether the routers "
            "export, and whether what they send reaches the collector."
        )
        return found | {name: words for name, words in seen.told.items() if name.startswith(EXPORTER)}
    if seen.unseen_s and now_s - seen.unseen_s <= SILENT_S:
        found["crowded"] = (
            "More comes to the collector than it can look at, and part of it is not looked at. It may be an attack on the "
            f"collector by exporters that somebody forges: {_NAME_OWN}"
        )
    return found | _exporters(seen, state, now_s)


def _exporters(seen: Sight, state: CollectorState, now_s: float) -> dict[str, str]:
    """Of which exporters nothing comes any more; where there are more than can be told of, that their place is taken."""
    shown = {_key(one.name) for one in state.exporters}
    silent = [
        name
        for name, one in seen.known.items()
        if one.is_silent(now_s, 0 if name in seen.told else seen.since_s)
    ]
    hidden = set() if state.exporters_all <= len(shown) else set(silent) - shown - seen.told.keys()
    found = {
        name: (
            f"The exporter {name.removeprefix(EXPORTER)} has sent nothing since {_moment(seen.known[name].last_s)}: attacks "
            "that it alone would show are not seen."
        )
        for name in silent
        if name not in hidden
    }
    if hidden:
        named = ", ".join(one.removeprefix(EXPORTER) for one in sorted(hidden)[:MOST_NAMED])
        found["hidden"] = (
            f"{units.count(state.exporters_all)} exporters send, so many that it cannot be told whether these still do: "
            f"{named}. Others may be forged: {_NAME_OWN}"
        )
    return found


def _moment(time_s: float) -> str:
    return units.second(round(time_s * 1e6))
