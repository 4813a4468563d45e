"""The room as a Django application."""

from django.apps import AppConfig


class MatchingConfig(AppConfig):
    """Tables and pages of `matching`."""

    name = "hanse.matching"
    label = "matching"

    def ready(self) -> None:
        """Put the room into the rail; say what takes two people, what waits, what partners may ask, what goes with a case."""
        from hanse.accounts import approvals  # noqa: PLC0415 - tables are there only now
        from hanse.attacks import panels as attack_panels  # noqa: PLC0415 - as above
        from hanse.attacks import shared  # noqa: PLC0415 - as above
        from hanse.cases import panels, words  # noqa: PLC0415 - as above
        from hanse.federation import wire  # noqa: PLC0415 - as above
        from hanse.ledger import service as ledger  # noqa: PLC0415 - as above
        from hanse.matching import (  # noqa: PLC0415 - as above
            agreeing,
            answering,
            comparing,
            contacting,
            count_answering,
            counting,
            hits,
            publishing,
            purging,
            running,
            source_pages,
            source_rows,
            standing_answering,
            standing_days,
            standing_wire,
            views,
            waiting,
            who_else,
            withholding,
        )
        from hanse.policy import service as policy  # noqa: PLC0415 - as above
        from hanse.web import frame  # noqa: PLC0415 - as above

        frame.rail.add("matches", "Matches", "matching:matches", "matching.oversee")
        frame.waiting.append(waiting.unanswered)
        panels.figures["matching"] = views.figure
        panels.panels["matching"] = views.panel
        approvals.register([agreeing.APPROVAL])
        wire.register(comparing.PART, comparing.PIECE, comparing.piece)
        wire.register(publishing.SET, publishing.GIVEN, publishing.give)
        wire.register(answering.WHO_ELSE, answering.ANSWER, answering.answer)
        wire.register(standing_wire.TURN, standing_wire.TOKENS, standing_answering.answer)
        wire.register(counting.OPEN, counting.OPENED, count_answering.opened)
        wire.register(counting.CLOSE, counting.CLOSED, count_answering.closed)
        ledger.before_purge(hits.with_hits)
        ledger.ahead_of_purge(purging.points_ahead)
        ledger.before_purge(running.forget_inputs)
        ledger.before_purge(standing_days.forget)
        ledger.before_purge(who_else.with_questions)
        ledger.before_purge(source_rows.with_counts)
        policy.after_marking(source_rows.after_marking)
        if source_rows.told_anew not in shared.told:
            shared.told.append(source_rows.told_anew)
        attack_panels.panels["sources in common"] = source_pages.panel
        attack_panels.of_partners["sources in common"] = source_pages.panel_of_theirs
        words.say(
            {
                hits.FOUND: "A partner has a selector of it too",
                contacting.CONTACT: "A partner was offered contact",
                who_else.QUESTION: "Partners were asked who else has selectors of it",
                withholding.KEPT_OUT: "It was said whether it is compared with partners",
            }
        )
