"""What the live collector came to be blind to is told once, and once that it is over; nothing else is told."""

from dataclasses import dataclass, field

import msgspec

from hanse.console.processes import CollectorState
from hanse.console.sight import MOST_KNOWN, Sight, Told, look
from hanse.telemetry.exporters import MOST, ExporterState

START_S = 1_790_000_000.0
EVERY_S = 15.0


@dataclass
class Day:
    """A node's collector, looked at every quarter of a minute."""

    now_s: float = START_S
    since_s: float = START_S
    sight: Sight = field(default_factory=Sight)
    sent: dict[str, int] = field(default_factory=dict)
    unseen: int = 0
    refused: int = 0
    senders: tuple[str, ...] = ()

    def passes(self, seconds: float, *sending: str, **state: object) -> Told:
        """Some time in which some exporters send; all that was told in it."""
        blind: list[str] = []
        over: list[str] = []
        until = self.now_s + seconds
        while self.now_s < until:
            self.now_s += EVERY_S
            for name in sending:
                self.sent[name] = self.sent.get(name, 0) + 1
            self.sight, told = look(self.sight, self.state(sending, **state), self.now_s, self.senders)
            # As it is kept between two looks.
            self.sight = msgspec.json.decode(msgspec.json.encode(self.sight), type=Sight)
            blind += told.blind
            over += told.over
        return Told(tuple(blind), tuple(over))

    def state(self, sending: tuple[str, ...], **more: object) -> CollectorState:
        """How the collector says it is: who sends now comes first, and of the others as many as there is room for."""
        told = sorted(self.sent, key=lambda one: (one not in sending, one))
        exporters = [
            ExporterState(address=one, protocol="IPFIX", domain=0, datagrams=self.sent[one]) for one in told
        ]
        first = {
            "state": "running", "since_s": self.since_s, "datagrams": sum(self.sent.values()) + self.refused,
            "refused": self.refused, "unseen": self.unseen, "exporters": tuple(exporters[:MOST]),
            "exporters_all": len(exporters),
        }  # fmt: skip
        return CollectorState(**(first | more))  # type: ignore[arg-type]  # as they are named

    def starts_anew(self) -> None:
        """The collector ends and starts; what it counted is gone."""
        self.since_s, self.sent, self.unseen, self.refused = self.now_s, {}, 0, 0


def test_silence_of_all_is_told_once_and_once_that_it_is_over() -> None:
    """Also where strangers' datagrams come, which are refused unread."""
    day = Day()
    assert day.passes(600) == Told(), "nobody ever sent"
    assert day.passes(600, "192.0.2.1", "192.0.2.2") == Told()
    assert day.passes(280) == Told()
    day.refused = 1_000
    told = day.passes(86_400)
    (words,) = told.blind
    assert words.startswith("No exporter has sent anything since ")
    assert "no attack can be seen" in words
    assert told.over == ()
    assert day.passes(60, "192.0.2.1") == Told(over=(words,))
    assert day.passes(300, "192.0.2.1") == Told()


def test_an_exporter_that_falls_silent_among_others_is_named() -> None:
    """After ten minutes; its words say which, and when it sends again it is over."""
    day = Day()
    both = ("192.0.2.1", "192.0.2.2")
    assert day.passes(2 * 3_600, *both) == Told()
    assert day.passes(570, both[0]) == Told()
    told = day.passes(4 * 3_600, both[0])
    (words,) = told.blind
    assert words.startswith("The exporter 192.0.2.2 (IPFIX) has sent nothing since ")
    assert day.passes(60, *both) == Told(over=(words,))


def test_one_that_always_pauses_for_long_is_not_silent_for_it() -> None:
    """Three times its longest pause, but no longer than an hour."""
    day = Day()
    for _ in range(8):
        assert day.passes(800, "192.0.2.1") == Told()
        day.passes(500, "192.0.2.1", "192.0.2.2")
    day = Day()
    for _ in range(9):
        day.passes(60, "192.0.2.1", "192.0.2.2")
        assert day.passes(540, "192.0.2.1") == Told()
    assert day.passes(1_000, "192.0.2.1") == Told()
    assert len(day.passes(1_000, "192.0.2.1").blind) == 1


def test_who_was_heard_for_some_minutes_is_not_missed() -> None:
    """Else whoever forges an exporter for a moment has people look for it."""
    day = Day()
    day.passes(3_600, "192.0.2.1")
    day.passes(900, "192.0.2.1", "203.0.113.9")
    assert day.passes(7_200, "192.0.2.1") == Told()


def test_forged_exporters_that_crowd_out_the_own_ones_are_told() -> None:
    """More send than there is room to tell of: it is said that the own ones cannot be told of, and what to do."""
    day = Day()
    own = ("192.0.2.1", "192.0.2.2")
    day.passes(2 * 3_600, *own)
    forged = tuple(f"10.0.{number // 250}.{number % 250}" for number in range(3 * MOST_KNOWN))
    told = day.passes(2_400, *forged)
    (words,) = told.blind
    assert "192.0.2.1 (IPFIX), 192.0.2.2 (IPFIX)" in words
    assert "name your own under Settings" in words
    assert len(day.sight.known) <= MOST_KNOWN
    assert {"exporter/192.0.2.1 (IPFIX)", "exporter/192.0.2.2 (IPFIX)"} <= day.sight.known.keys()
    day.sent = {one: day.sent[one] for one in own}
    assert day.passes(60, *own).over == (words,)


def test_who_was_taken_off_the_list_of_exporters_is_not_missed() -> None:
    """People wanted it: neither is it silent then, nor is over what was told of it."""
    day = Day()
    day.passes(2 * 3_600, "192.0.2.1", "192.0.2.2", "192.0.2.3")
    assert len(day.passes(1_200, "192.0.2.1", "192.0.2.2").blind) == 1
    day.senders = ("192.0.2.1",)
    assert day.passes(86_400, "192.0.2.1") == Told()


def test_flows_that_nobody_looks_at_are_told() -> None:
    """While they grow, and for some minutes after: then it is over."""
    day = Day()
    day.passes(600, "192.0.2.1")
    said = []
    for _ in range(40):
        day.unseen += 1_000
        said += day.passes(60, "192.0.2.1").blind
    (words,) = said
    assert "part of it is not looked at" in words
    assert day.passes(600, "192.0.2.1") == Told(over=(words,))


def test_a_collector_that_does_not_run_or_see_is_told_and_a_restart_is_not() -> None:
    """A minute's grace for a restart; a failing analysis at once; nothing is over because nobody looks."""
    day = Day()
    day.passes(600, "192.0.2.1")
    day.passes(15, state="starting")
    day.starts_anew()
    assert day.passes(60, "192.0.2.1") == Told()
    assert day.passes(45, state="failed", words="The port is in use.") == Told()
    told = day.passes(600, state="failed", words="The port is in use.")
    assert told.over == ()
    assert told.blind == ("The live collector does not run, and no attack is seen: The port is in use.",)
    assert day.passes(30, state="starting") == Told()
    day.starts_anew()
    assert day.passes(60, "192.0.2.1") == Told(over=told.blind)
    assert day.passes(30, "192.0.2.1", state="blind", words="It fails.") == Told(blind=("It fails.",))
    assert day.passes(30, "192.0.2.1") == Told(over=("It fails.",))


def test_a_collector_that_was_away_for_hours_hears_nobodys_silence() -> None:
    """Who sends again within some minutes of its start was never lost; what was told before goes on until it is heard."""
    day = Day()
    day.passes(2 * 3_600, "192.0.2.1")
    day.now_s += 6 * 3_600
    day.starts_anew()
    assert day.passes(240) == Told()
    assert day.passes(60, "192.0.2.1") == Told()
    (words,) = day.passes(600).blind
    day.passes(15, state="starting")
    day.starts_anew()
    assert day.passes(120) == Told(), "it is not over because the collector started anew"
    assert day.passes(60, "192.0.2.1") == Told(over=(words,))


def test_what_people_turn_off_is_no_alert() -> None:
    """Nor is what was told before over by it."""
    day = Day()
    day.passes(600, "192.0.2.1")
    assert day.passes(900).blind
    assert day.passes(600, state="off") == Told()
    assert day.sight == Sight()
