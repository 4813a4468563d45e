"""The room as Django knows it."""

from django.apps import AppConfig


class FederationConfig(AppConfig):
    """Tables and pages of `federation`."""

    name = "hanse.federation"
    label = "federation"

    def ready(self) -> None:
        """Make known what takes two people, the entry in the rail, and what the room does at a change of keys."""
        from hanse.accounts import approvals  # noqa: PLC0415 - tables are there only now
        from hanse.federation import (  # noqa: PLC0415 - as above
            groups,
            handlers,
            onward,
            partnering,
            recalling,
            releases,
            ruling,
            sending,
            witnesses,
        )
        from hanse.ledger import retention, witnessed  # noqa: PLC0415 - as above
        from hanse.ledger import service as ledger  # noqa: PLC0415 - as above
        from hanse.policy import service as policy  # noqa: PLC0415 - as above
        from hanse.web import frame  # noqa: PLC0415 - as above

        approvals.register((*partnering.APPROVALS, ruling.APPROVAL, groups.APPROVAL, releases.APPROVAL))
        handlers.register(recalling.HANDLERS)
        witnessed.register(witnesses.named_keys, witnesses.ever_keys)
        ledger.at_rotation(sending.tell_new_key)
        ledger.at_revocation(sending.tell_revoked)
        ledger.before_purge(recalling.before_purge)
        ledger.before_purge(onward.before_purge)
        retention.let_stay(recalling.stay)
        policy.after_marking(recalling.follow_marking)
        frame.rail.add("partners", "Partners", "federation:partners", "federation.view")
