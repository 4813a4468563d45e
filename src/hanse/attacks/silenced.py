"""What is over the threshold but under what an analyst called harmless: said, so that no lesson hides it unseen."""

from hanse.attacks import vectors as v
from hanse.attacks.attack import Dismissed
from hanse.attacks.intervals import Gaps
from hanse.attacks.judge import victim_text
from hanse.attacks.look import Look, suspects
from hanse.attacks.series import SECOND_US
from hanse.attacks.thresholds import Thresholds
from hanse.kernel import units


def silenced(seen: Look, thresholds: Thresholds, gaps: Gaps) -> tuple[Dismissed, ...]:
    """The intervals that are no suspects for the sake of a decision alone.

    Whether they are attacks is not looked into: that is what the analyst decided.
    """
    if not thresholds.raised:
        return ()
    found = []
    for suspect in suspects(seen, thresholds.untaught(), gaps):
        harmless = thresholds.raised.get((suspect.victim, suspect.code), 0.0)
        if suspect.interval.peak_pps < harmless:
            found.append(
                Dismissed(
                    victim_text(suspect.victim),
                    v.vectors()[suspect.code].name,
                    suspect.interval.first * SECOND_US,
                    suspect.interval.end * SECOND_US,
                    f"peak {units.packet_rate(suspect.interval.peak_pps)}, under the "
                    f"{units.packet_rate(harmless)} that an analyst called harmless: not looked into",
                )
            )
    return tuple(found)
