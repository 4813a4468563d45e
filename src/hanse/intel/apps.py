"""The room as Django knows it."""

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate

from hanse.ledger import kinds
from hanse.web import frame


class IntelConfig(AppConfig):
    """Tables and pages of `intel`."""

    name = "hanse.intel"
    label = "intel"

    def ready(self) -> None:
        """Put the room into the rail, say what waits and is shared, have the search index made with the tables and emptied before a rebuild."""
        from hanse.federation import handlers, sharing  # noqa: PLC0415 - after Django is set up
        from hanse.intel import (  # noqa: PLC0415 - as above
            cited,
            cited_items,
            feed_clock,
            full_text,
            search_views,
            service,
            shared,
        )
        from hanse.ledger import erasing  # noqa: PLC0415 - as above
        from hanse.ledger import service as ledger  # noqa: PLC0415 - as above

        frame.rail.add("intelligence", "Intelligence", "intel:list", "intel.view")
        kinds.before_rebuild(full_text.clear)
        erasing.also_clean(full_text.clean)
        cited.register(cited_items.SORT)
        ledger.before_purge(service.with_decisions)
        kinds.register(shared.KINDS)
        handlers.register([shared.HANDLER])
        for one in shared.SHAREABLES:
            sharing.register(one)
        frame.waiting.append(feed_clock.waits)
        frame.waiting.append(search_views.waits)
        post_migrate.connect(_make_index, sender=self)


def _make_index(using: str, **_: Any) -> None:
    """Make the search index where there is none: it is no table that Django could make."""
    from hanse.intel import full_text  # noqa: PLC0415 - after Django is set up

    connection = connections[using]
    if full_text.TABLE not in connection.introspection.table_names():
        with connection.cursor() as cursor:
            for statement in full_text.tables(connection.vendor):
                cursor.execute(statement)
