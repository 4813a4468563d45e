"""The room as a Django application."""

from django.apps import AppConfig

from hanse.ledger import kinds
from hanse.web import frame


class CasesConfig(AppConfig):
    """Tables and pages of `cases`."""

    name = "hanse.cases"
    label = "cases"

    def ready(self) -> None:
        """Put the room into the rail, and say what waits, what takes two people and which files go with a purge."""
        from hanse.accounts import approvals  # noqa: PLC0415 - tables are there only now
        from hanse.cases import court_views, evidence, evidence_views, joint, panels, subject, waiting  # noqa: PLC0415 - as above
        from hanse.federation import handlers, sharing  # noqa: PLC0415 - as above
        from hanse.ledger import service as ledger  # noqa: PLC0415 - as above

        frame.rail.add("cases", "Cases", "cases:list", "cases.view")
        frame.waiting.append(waiting.reviews)
        frame.waiting.append(waiting.tasks)
        panels.panels["evidence"] = evidence_views.panel
        panels.panels["court"] = court_views.panel
        panels.acts["court"] = court_views.act
        handlers.register(joint.HANDLERS)
        sharing.register(joint.SHAREABLE)
        frame.waiting.append(waiting.joint)
        approvals.register([evidence.DESTRUCTION, subject.ERASING])
        kinds.once_purged(evidence.sweep)
        ledger.before_purge(joint.with_sayings)
