"""Alerts about running attacks: by e-mail and webhook through `egress`, tried again while that can help.

What an attack's marking keeps on the node is not sent: then the alert says only that there is something to see.
"""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django_tasks import task

from hanse.attacks import service as attacks
from hanse.attacks.models import Attack
from hanse.console.endpoints import allowed
from hanse.console.service import Mail, Webhook, setting
from hanse.egress import smtp, webhook
from hanse.egress.client import Client
from hanse.egress.errors import EgressError, PermanentError, RefusedError, TemporaryError
from hanse.egress.rules import Rules
from hanse.kernel import units
from hanse.kernel.actors import Actor, system
from hanse.kernel.clock import now_us

WAITS_S = (10, 60, 600, 3600)
"""Seconds before each further attempt: a relay that restarts is back in a minute, one that is mended in an hour."""


def announce(attack_id: UUID, what: str) -> None:
    """Put one alert per channel and recipient into the queue.

    Args:
        attack_id: The attack.
        what: ``began`` or ``ended``.
    """
    for channel, to in _channels():
        deliver.enqueue(attack_id.hex, what, channel, to, 0)


def _channels() -> Iterator[tuple[str, str]]:
    """Channels and recipients that are set."""
    mail = setting(Mail)
    if mail.relay:
        yield from (("mail", one) for one in mail.recipients)
    if setting(Webhook).url:
        yield "webhook", setting(Webhook).url


@task()
def deliver(attack_id: str, what: str, channel: str, to: str, attempt: int) -> None:
    """Deliver one alert; on a passing fault it is tried again, on a lasting one the ledger says so."""
    actor = _actor()
    row = Attack.objects.get_for(actor, "attacks.view", UUID(attack_id))
    try:
        _send(row, what, channel, to, actor)
    except EgressError as error:
        passing = not isinstance(error, (PermanentError, RefusedError))
        if passing and attempt < len(WAITS_S):
            asked = error.retry_after_s if isinstance(error, TemporaryError) else None
            later = timezone.now() + timedelta(seconds=max(asked or 0, WAITS_S[attempt]))
            deliver.using(run_after=later).enqueue(attack_id, what, channel, to, attempt + 1)
            return
        attacks.alerted(row.pk, _alerted(channel, to, str(error), delivered=False), actor)
        return
    attacks.alerted(row.pk, _alerted(channel, to, what, delivered=True), actor)


def _send(row: Attack, what: str, channel: str, to: str, actor: Actor) -> None:
    """Hand one alert to the relay or the receiver.

    Raises:
        EgressError: It was not taken.
    """
    open_to_say = bool(Attack.objects.judge(actor, "attacks.export", row))
    url = settings.HANSE_NODE.url + reverse("attacks:detail", args=[row.pk])
    if channel == "mail":
        mail = setting(Mail)
        relay = smtp.Relay(mail.relay, mail.port, mail.security, mail.user, mail.password)
        subject, text = _mail(row, what, url, open_to_say=open_to_say)
        smtp.send(smtp.Message(mail.sender, to, subject, text), relay, Rules(), allow=allowed())
        return
    told = {"event": what, "url": url, "at": units.iso(now_us()), "marking": row.marking.marking.as_json()}
    if open_to_say:
        told["attack"] = attacks.attack_in(row).as_json() | {"organisation": row.organisation}
    secret = setting(Webhook).secret.encode()
    webhook.post(Client(Rules()), to, told, secret, delivery=f"{row.pk.hex}-{what}", allow=allowed())


def _mail(row: Attack, what: str, url: str, *, open_to_say: bool) -> tuple[str, str]:
    """Subject and text: the answer first, then how sure, then where to look."""
    node = settings.HANSE_NODE.name
    marking = row.marking.marking.banner()
    if not open_to_say:
        return f"[{marking}] An attack {what}", f"{node}: an attack {what}. Its marking keeps it on the node:\n{url}\n"
    attack = attacks.attack_in(row)
    whom = f"{row.organisation} ({row.victim})" if row.organisation else row.victim
    kind = row.vector.replace("_", " ")
    lines = [
        f"{kind} on {whom} {what} {units.minute(row.start_us if what == 'began' else row.end_us)}.",
        f"Peak {units.bit_rate(row.peak_bps)}, {units.packet_rate(row.peak_pps)}; {units.count(row.sources)} sources.",
        f"How sure: {row.confidence}. {' '.join(attack.reasons)}",
        f"What would refute it: {' '.join(attack.refuted_by)}",
        url,
        marking,
    ]
    return f"[{marking}] {kind} on {whom} {what}", "\n".join(lines) + "\n"


def _alerted(channel: str, to: str, words: str, *, delivered: bool) -> attacks.Alerted:
    return attacks.Alerted("mail" if channel == "mail" else "webhook", to, delivered, words)


def _actor() -> Actor:
    node = settings.HANSE_NODE
    return system("alerting", node.authority, node.country, node.tier)
