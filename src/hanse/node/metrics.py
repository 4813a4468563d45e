"""The node's metrics (OpenTelemetry), read by a monitor in Prometheus' text form on a loopback address of its own.

The web process publishes them for all processes: what is on record is counted in the database when the monitor
asks, what the collector counts is in the file that it writes every two seconds, and the web process measures its
own requests. So nothing is sent anywhere, and a process that restarts spoils no figure of another.
"""

import logging
import shutil
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.db import DatabaseError, close_old_connections, connection
from django.db.models import Count
from django_tasks_db.models import DBTaskResult
from opentelemetry import metrics
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, start_http_server

from hanse.attacks.models import Alert, Attack
from hanse.attacks.models import State as AttackState
from hanse.console import processes
from hanse.console.health import collector_now, longest_waiting_us
from hanse.federation.models import Contradiction, Link, Received
from hanse.federation.partners import active
from hanse.kernel.clock import now_us
from hanse.ledger.models import Head
from hanse.ledger.tree import latest
from hanse.settings import Node, metrics_address
from hanse.web.models import Job

_log = logging.getLogger(__name__)

Looks = Callable[[], Iterable[Observation]]
QUEUES = ("default", "alerts", "feeds")
JOB_STATES = ("waiting", "running", "done", "failed", "cancelled", "interrupted")
COLLECTOR_STATES = ("off", "starting", "running", "blind", "failed")


def publish(node: Node) -> None:
    """Publish this node's metrics at its `metrics` address, from now to the end of the process.

    An address in use is no reason not to serve: the log says so, and the monitor finds nothing there.

    Raises:
        SettingsError: The address is none, or no loopback address.
    """
    host, port = metrics_address(node.metrics)
    registry = CollectorRegistry()
    reader = PrometheusMetricReader(registry=registry, scope_info_enabled=False)
    resource = Resource({"service.name": "hanse", "service.instance.id": node.authority})
    provider = MeterProvider(metric_readers=[reader], resource=resource)
    metrics.set_meter_provider(provider)
    observe(provider.get_meter("hanse"), node)
    try:
        start_http_server(port, host, registry)
    except OSError as error:
        _log.error("metrics cannot be published at %s: %s", node.metrics, error.strerror)


def observe(meter: Meter, node: Node) -> None:
    """Make the instruments; each looks when the monitor asks."""
    gauge, counter = meter.create_observable_gauge, meter.create_observable_counter
    told: tuple[tuple[Callable[..., Any], str, str, str, Looks], ...] = (
        (counter, "hanse.ledger.entries", "{entry}", "Entries in the ledger.", _entries),
        (gauge, "hanse.ledger.head.age", "s", "Age of the newest checkpoint.", _head_age),
        (gauge, "hanse.ledger.waiting", "s", "For how long the oldest entry waits for its checkpoint.", _waiting),
        (gauge, "hanse.queue.length", "{task}", "Tasks that wait, by queue.", _queue),
        (gauge, "hanse.jobs", "{job}", "Long work on the books, by state.", _jobs),
        (gauge, "hanse.attacks.running", "{attack}", "Attacks that run now.", _running),
        (counter, "hanse.egress.alerts", "{alert}", "Alerts on record, by channel and outcome.", _alerts),
        (gauge, "hanse.worker.silent", "s", "For how long the worker has said nothing.", lambda: _worker(node)),
        (gauge, "hanse.collector.state", "1", "1 for the state that the collector is in.", lambda: _state(node)),
        (counter, "hanse.collector.flows", "{flow}", "Flows received since the collector started.",
         lambda: [Observation(processes.collector_state(node.home).flows)]),
        (counter, "hanse.collector.datagrams", "{datagram}", "Datagrams received since the collector started.",
         lambda: [Observation(processes.collector_state(node.home).datagrams)]),
        (counter, "hanse.collector.lost", "1", "What the collector lost, by cause.", lambda: _lost(node)),
        (gauge, "hanse.collector.exporters", "{exporter}", "Exporters of the collector, by what is wrong with them.",
         lambda: _exporters(node)),
        (counter, "hanse.league.received", "{entry}", "Entries that a partner sent, by what became of them.", _received),
        (gauge, "hanse.league.waiting", "{entry}", "Entries that a partner has for this node and it does not have.",
         lambda: _league(lambda link, received: link.total - received)),
        (gauge, "hanse.league.provisional", "{entry}", "Entries of a partner that no checkpoint has proven yet.",
         lambda: _league(lambda link, received: received - link.proven)),
        (gauge, "hanse.league.silent", "s", "For how long a partner has not answered as it should; 0 where it does.",
         lambda: _league(lambda link, _: 0 if link.failing_us is None else (now_us() - link.failing_us) / 1e6)),
        (counter, "hanse.league.contradictions", "1", "How often a partner contradicted what it had signed.",
         _contradictions),
        (gauge, "hanse.disk.free", "By", "Bytes free where the node's folder lies.",
         lambda: [Observation(shutil.disk_usage(node.home).free)]),
    )  # fmt: skip
    for make, name, unit, words, look in told:
        make(name, callbacks=[_careful(look)], unit=unit, description=words)


def _careful(look: Looks) -> Callable[[CallbackOptions], list[Observation]]:
    """A look in the monitor's thread: its connection is fresh, and a database that is down leaves a gap."""

    def observed(_: CallbackOptions) -> list[Observation]:
        close_old_connections()
        try:
            return list(look())
        except (DatabaseError, OSError):
            connection.close()
            return []

    return observed


def _entries() -> Iterator[Observation]:
    yield Observation(Head.objects.values_list("next_sequence", flat=True).first() or 0)


def _head_age() -> Iterator[Observation]:
    if (head := latest()) is not None:
        yield Observation((now_us() - head.time_us) / 1e6)


def _waiting() -> Iterator[Observation]:
    yield Observation((longest_waiting_us(latest()) or 0) / 1e6)


def _queue() -> Iterator[Observation]:
    rows = DBTaskResult.objects.filter(status="READY").values_list("queue_name").annotate(Count("id"))
    found = dict(rows.order_by())
    for name in QUEUES:
        yield Observation(found.get(name, 0), {"queue": name})


def _jobs() -> Iterator[Observation]:
    found = dict(Job.objects.values_list("state").annotate(Count("id")).order_by())
    for state in JOB_STATES:
        yield Observation(found.get(state, 0), {"state": state})


def _running() -> Iterator[Observation]:
    yield Observation(Attack.projected.filter(state=AttackState.RUNNING).count())


def _alerts() -> Iterator[Observation]:
    rows = Alert.objects.values_list("channel", "delivered").annotate(Count("sequence")).order_by()
    found = {(channel, delivered): count for channel, delivered, count in rows}
    for channel in ("mail", "webhook"):
        for delivered, outcome in ((True, "delivered"), (False, "failed")):
            yield Observation(found.get((channel, delivered), 0), {"channel": channel, "outcome": outcome})


def _worker(node: Node) -> Iterator[Observation]:
    if (silent := processes.worker_silent_s(node.home)) is not None:
        yield Observation(silent)


def _received() -> Iterator[Observation]:
    rows = Received.objects.values_list("partner", "state").annotate(Count("number")).order_by()
    for partner, state, count in rows:
        yield Observation(count, {"partner": partner, "outcome": state})


def _league(what: Callable[[Link, int], float]) -> Iterator[Observation]:
    received = dict(Received.objects.values_list("partner").annotate(Count("number")).order_by())
    links = Link.objects.in_bulk()
    for partner in active():
        link = links.get(partner.authority)
        if link is not None:
            yield Observation(
                max(0, what(link, received.get(partner.authority, 0))), {"partner": partner.authority}
            )


def _contradictions() -> Iterator[Observation]:
    found = dict(Contradiction.objects.values_list("partner").annotate(Count("sequence")).order_by())
    for partner in active():
        yield Observation(found.get(partner.authority, 0), {"partner": partner.authority})


def _state(node: Node) -> Iterator[Observation]:
    now = collector_now(node.home).state
    for state in COLLECTOR_STATES:
        yield Observation(int(state == now), {"state": state})


def _lost(node: Node) -> Iterator[Observation]:
    told = processes.collector_state(node.home)
    yield Observation(told.kernel_dropped, {"cause": "kernel_buffer"})
    yield Observation(told.truncated, {"cause": "truncated"})
    yield Observation(told.unseen, {"cause": "not_looked_at"})
    yield Observation(told.unsaid, {"cause": "not_said"})
    yield Observation(told.lost, {"cause": "never_arrived"})
    yield Observation(told.skipped, {"cause": "not_read"})
    yield Observation(told.refused, {"cause": "not_an_exporter"})


def _exporters(node: Node) -> Iterator[Observation]:
    told = processes.collector_state(node.home)
    yield Observation(told.exporters_all, {"which": "all"})
    yield Observation(sum(one.wrong_clock for one in told.exporters), {"which": "clock_wrong"})
    yield Observation(sum(one.flaps for one in told.exporters), {"which": "templates_flap"})
