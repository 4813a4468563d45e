"""The room as a Django application."""

from django.apps import AppConfig

from hanse.web import frame


class AttacksConfig(AppConfig):
    """Tables and pages of `attacks`."""

    name = "hanse.attacks"
    label = "attacks"

    def ready(self) -> None:
        """Put the room into the rail, analyses beside the inputs that they looked at, and attacks into what is written."""
        from hanse.attacks import shared  # noqa: PLC0415 - tables are there only now
        from hanse.attacks.of_inputs import analyses_of  # noqa: PLC0415 - tables are there only now
        from hanse.attacks.stix_export import SORT  # noqa: PLC0415 - as above
        from hanse.federation import handlers, sharing  # noqa: PLC0415 - as above
        from hanse.intel import cited  # noqa: PLC0415 - as above
        from hanse.ledger import kinds  # noqa: PLC0415 - as above
        from hanse.telemetry import panels  # noqa: PLC0415 - as above

        if analyses_of not in panels.analyses:
            panels.analyses.append(analyses_of)
        cited.register(SORT)
        kinds.register(shared.KINDS)
        handlers.register([shared.HANDLER])
        sharing.register(shared.SHAREABLE)
        sharing.register(shared.ONWARD)
        frame.rail.add("attacks", "Attacks", "attacks:list", "attacks.view")
