"""Export datagrams in, flow batches out; what exporters said before is remembered from call to call.

A batch of datagrams is handled as a whole: a compiled loop lists all sets in them, the sets of one
template are gathered into one stretch of memory and read as one structured array. Templates and
options data take effect from the set on in which they stand, however the datagrams are batched.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hanse.kernel.addresses import unpack
from hanse.telemetry.exporters import ExporterState
from hanse.telemetry.exports import receipt, sequence, sflow
from hanse.telemetry.exports.account import Account
from hanse.telemetry.exports.flows import Builder, Part, Piece, backward, is_flow
from hanse.telemetry.exports.runs import Batch, Run, late_run, run_of
from hanse.telemetry.exports.sampling import Facts, learn, sampling_of
from hanse.telemetry.exports.scan import (
    FAULTS,
    HEADER,
    SET,
    SFLOW,
    V5_RECORD,
    V5_SET,
    Bytes,
    Table,
    gather,
    read_headers,
    read_sets,
    walk_variable,
)
from hanse.telemetry.exports.streams import Stream, Streams, Waiting
from hanse.telemetry.exports.templates import SET_TEMPLATES, V5, Records, Template, TemplateError, parse
from hanse.telemetry.packets.frames import as_bytes
from hanse.telemetry.reading import InputReport

Ints: TypeAlias = npt.NDArray[np.int64]
Change: TypeAlias = tuple[int, Template | None]
"""The set from which a template holds (or a template id), and the template (None: withdrawn)."""
ALL_FAULTS = FAULTS | sflow.FAULTS
MOST_CHANGES = 64
"""Changes of what options data says that are told apart within one call, per stream: flows are read apart between
them, so that a datagram full of changes would cost seconds. Of more, the last one holds from there on."""
MOST_RUNS = 4_096
"""Stretches of one template that are read in one call in a hurry, each some tenth of a millisecond: two for each datagram of
a block. Who sends a datagram full of template ids, or of changes of one, would else have the collector fall behind all others."""
MOST_PARSED = 64 << 10
"""Octets of template sets not seen lately that are read in one call in a hurry, for the same reason. What is left out comes
again within a minute or so."""
PARSED_SETS = 256
"""Template sets whose parsed form is kept, since exporters repeat them."""


@dataclass(slots=True)
class Losses:
    """What sequence numbers say never arrived, each in what its protocol counts.

    Attributes:
        v5_flows: NetFlow v5 counts flows.
        v9_packets: NetFlow v9 counts export datagrams.
        ipfix_records: IPFIX counts data records.
        sflow_datagrams: sFlow counts datagrams; not added to the report, since
        sflow_samples: it counts samples too, per data source.
        restarts: Streams that began to count anew.
    """

    v5_flows: int = 0
    v9_packets: int = 0
    ipfix_records: int = 0
    sflow_datagrams: int = 0
    sflow_samples: int = 0
    restarts: int = 0

    @property
    def all(self) -> int:
        """What is missing, of everything together; sFlow's datagrams are not added to the samples in them."""
        return self.v5_flows + self.v9_packets + self.ipfix_records + self.sflow_samples


class ExportDecoder:
    """Decodes NetFlow v5, v9, IPFIX and sFlow v5 datagrams of any number of exporters.

    Args:
        report: Told of losses, of what was skipped, and of problems, with byte offsets in the buffer.
        vantage: Name of the vantage point for the flows.
        udp: Whether the datagrams came over UDP, where templates are never withdrawn.
        hurry: Whether others wait meanwhile: what costs far more time than its size is left out, and counted.
        live: Whether datagrams are decoded as they come: flows whose times cannot be right are dated by receipt (`receipt`).

    Attributes:
        losses: Sequence gaps by protocol; their sum is in ``report.lost``.
    """

    def __init__(
        self, report: InputReport, vantage: str, *, udp: bool = False, hurry: bool = False, live: bool = False
    ) -> None:
        self.report = report
        self.losses = Losses()
        self._udp = udp
        self._hurry = hurry
        self._live = live
        self._parsed_octets = 0
        self._streams = Streams()
        # Apart: one sFlow datagram names a hundred data sources, which would push out templates that somebody needs.
        self._sources = Streams()
        self._account = Account(self._streams, self._sources)
        self._builder = Builder(vantage)
        self._parsed: dict[
            tuple[int, bool, bytes], tuple[list[tuple[int, Template | None]], TemplateError | None]
        ] = {}
        self._refused_sets = 0
        self._refused_templates = 0

    def decode(
        self,
        buffer: npt.NDArray[np.uint8],
        offsets: npt.NDArray[np.int64],
        lengths: npt.NDArray[np.int32],
        sender: npt.NDArray[np.uint8],
        received_us: npt.NDArray[np.int64],
    ) -> pa.RecordBatch | None:
        """Decode datagrams, ``buffer[offsets[i] : offsets[i] + lengths[i]]`` each, in order of arrival.

        Args:
            buffer: Octets; it may be used again after the call.
            offsets: First octet of each datagram, shape (n,).
            lengths: Octets of each datagram, shape (n,).
            sender: Addresses of the senders, shape (n, 16), IPv4 as ::ffff:a.b.c.d; zero where unknown.
            received_us: When each arrived, microseconds UTC, shape (n,); sFlow has no other time.

        Returns:
            A batch of `schema.FLOW`, of whole calls in no particular order; None without a flow.
        """
        batch = self._list(as_bytes(buffer), offsets, lengths, sender, received_us)
        parts: list[Part] = self._sflow(batch, offsets, lengths, received_us)
        self._say_faults(batch)
        runs = self._runs(batch, self._templates(batch))
        self._learn([run for run in runs if run.template.options], batch)
        for run in runs:
            if not run.template.options:
                parts += self._pieces(run, batch)
        self._follow(batch)
        for stream in batch.streams:
            stream.history.clear()
        built = self._builder.build(parts)
        self._count(built)
        return built

    @property
    def unreadable(self) -> int:
        """Data sets that will never be read, for there was no more room to wait for their templates."""
        return self._refused_sets + self._streams.forgotten_sets

    def exporters(self, now_us: int) -> tuple[list[ExporterState], int]:
        """Who sent most flows lately, and how many exporters there are; the time in microseconds UTC."""
        return self._account.of(now_us)

    def clocks(self) -> dict[bytes, float]:
        """Whose clock is wrong, by address (16 bytes), and how many seconds it is ahead; of all exporters."""
        return self._account.clocks()

    def say_clocks(self) -> None:
        """Say whose clock differs from that of what captured the datagrams; nothing of it is changed."""
        for one in self._account.misdated():
            self.report.add(
                f"the clock of the exporter {one.name} is {one.clock}, by the capture's own times; its flows are dated by it.",
                field="export time",
                do="Take its times for what they are, and set that clock by NTP.",
                fatal=False,
            )

    def finish(self) -> pa.RecordBatch | None:
        """Say what never became readable; there are no more flows to come."""
        kept = 0
        names = []
        for stream in self._streams:
            names += [
                f"{unpack(stream.address)} domain {stream.domain} template {number}"
                for number in sorted(stream.awaited)
            ]
            kept += stream.release_all()
        lost = kept + self._refused_sets + self._streams.forgotten_sets
        if lost:
            self.report.skipped += lost
            shown = "; ".join(names[:5]) + ("; and others" if len(names) > 5 else "")
            self.report.add(
                f"{lost} data sets could not be read, their templates never came"
                + (f" ({shown})." if shown else "."),
                field="set id",
                do="Record for longer: exporters send templates again every few minutes.",
            )
        if self._refused_templates:
            self.report.add(
                f"{self._refused_templates} templates were refused: their exporter sent too many, or all together too fast.",
                field="template id",
            )
        self._refused_sets = self._streams.forgotten_sets = self._refused_templates = 0
        return None

    def _count(self, built: pa.RecordBatch | None) -> None:
        if built is not None:
            self.report.flows += built.num_rows
            packets = built.column("packets").to_numpy(zero_copy_only=True)
            self.report.packets += int(packets.sum())

    def _list(
        self,
        data: Bytes,
        offsets: npt.NDArray[np.int64],
        lengths: npt.NDArray[np.int32],
        sender: npt.NDArray[np.uint8],
        received_us: Ints,
    ) -> Batch:
        heads = np.zeros(len(offsets), HEADER)
        sets = np.zeros(read_headers(data, offsets, lengths, heads), SET)
        read_sets(data, offsets, lengths, heads, sets)
        netflow = np.flatnonzero((heads["version"] != 0) & (heads["version"] != SFLOW))
        stream_of = np.full(len(heads), -1, np.int64)
        streams, stream_of[netflow] = self._streams.of_datagrams(
            sender[netflow], heads["version"][netflow], heads["domain"][netflow]
        )
        rows = np.array([stream.row for stream in streams], np.int64)
        skew_us = heads["export_us"][netflow] - received_us[netflow]
        receipt.hear(self._streams.tallies, rows, stream_of[netflow], skew_us)
        return Batch(data, heads, sets, streams, stream_of, np.zeros(len(sets), np.int64), received_us)

    def _say_faults(self, batch: Batch) -> None:
        for head in batch.heads[batch.heads["fault"] != 0]:
            what, name = ALL_FAULTS[int(head["fault"])]
            self.report.add(f"{what}.", offset=int(head["fault_at"]), field=name)
            self.report.skipped += not head["version"]
        fixed = batch.sets[batch.sets["id"] == V5_SET]
        there = (fixed["end"] - fixed["begin"]) // V5_RECORD
        self.report.skipped += int((batch.heads["count"][fixed["datagram"]] - there).sum())

    def _templates(self, batch: Batch) -> dict[tuple[int, int], list[Change]]:
        """Read the template sets: what changed, by stream and template id, in order."""
        changes: dict[tuple[int, int], list[Change]] = {}
        sets = batch.sets
        self._parsed_octets = 0
        for place in np.flatnonzero(sets["id"] < 4).tolist():
            one = sets[place]
            index = int(batch.stream_of[one["datagram"]])
            stream = batch.streams[index]
            options = SET_TEMPLATES[stream.version].get(int(one["id"]))
            if options is None:
                continue
            content = batch.data[one["begin"] : one["end"]].tobytes()
            found, error = self._parse(content, stream.version, options=options)
            if error is not None:
                offset = int(one["begin"]) + error.offset
                self.report.add(f"{error}.", offset=offset, field="template")
            at_us = int(batch.received_us[one["datagram"]])
            for number, template in found:
                for changed, before in self._apply(stream, number, template, at_us, options=options):
                    timeline = changes.setdefault((index, changed), [(-1, before)])
                    timeline.append((place, stream.templates.get(changed)))
        return changes

    def _parse(
        self, content: bytes, version: int, *, options: bool
    ) -> tuple[list[tuple[int, Template | None]], TemplateError | None]:
        key = (version, options, content)
        if key not in self._parsed:
            self._parsed_octets += len(content)
            if self._hurry and self._parsed_octets > MOST_PARSED:
                self._refused_templates += 1
                return [], None
            if len(self._parsed) >= PARSED_SETS:
                del self._parsed[next(iter(self._parsed))]
            self._parsed[key] = parse(content, version, options=options)
        return self._parsed[key]

    def _apply(
        self, stream: Stream, number: int, template: Template | None, at_us: int, *, options: bool
    ) -> list[Change]:
        """Put one template in force, or withdraw it; the ids changed, with what was in force before."""
        before = stream.templates.get(number)
        if template is not None:
            if before is not None and template.reads_like(before):
                return []
            if before is not None:
                stream.change(number, at_us)
                self._streams.tallies["changes"][stream.row] += 1
            if not stream.define(number, template):
                self._refused_templates += 1
                return []
            return [(number, before)]
        if (
            self._udp
        ):  # RFC 7011, section 8.4: ignored, else one forged datagram has nothing of an exporter read
            return []
        withdrawn: list[Change] = [(number, before)] if before is not None else []
        if number < 4:  # all of its kind
            withdrawn = [(n, known) for n, known in stream.templates.items() if known.options == options]
        for one, _ in withdrawn:
            stream.withdraw(one)
        return withdrawn

    def _runs(self, batch: Batch, changes: dict[tuple[int, int], list[Change]]) -> list[Run]:
        """What can be read, by stream and template; what cannot yet is kept."""
        runs = []
        for (index, number), timeline in changes.items():
            arrived = next(((place, one) for place, one in timeline if one is not None), None)
            waiting = batch.streams[index].release(number) if arrived is not None else None
            if arrived is not None and arrived[1] is not None and waiting is not None:
                runs.append(late_run(batch.streams[index], arrived[1], waiting, arrived[0]))
        places = np.flatnonzero(batch.sets["id"] >= 256)
        numbers = batch.sets["id"][places]
        index_of = batch.stream_of[batch.sets["datagram"][places]]
        keys = (index_of << 17) | numbers
        readable = (numbers == V5_SET) | np.isin(keys, _readable(batch.streams, changes))
        self._keep(batch, places[~readable])
        groups = []
        for group in _groups(keys[readable], places[readable]):
            index, number = (
                int(batch.stream_of[batch.sets[group[0]]["datagram"]]),
                int(batch.sets[group[0]]["id"]),
            )
            known = V5 if number == V5_SET else batch.streams[index].templates.get(number)
            groups.append((batch.streams[index], group, changes.get((index, number), [(-1, known)])))
        if self._hurry and len(groups) + sum(len(timeline) for *_, timeline in groups) > MOST_RUNS:
            # Templates that stay as they are first, and of those the ones that most is sent of.
            groups.sort(key=lambda one: (len(one[2]), -len(one[1])))
        for stream, group, timeline in groups:
            if self._hurry and len(runs) + len(timeline) > MOST_RUNS:
                batch.records[group] = sequence.UNKNOWN
                self._refused_sets += len(group)
            else:
                runs += self._by_time(batch, stream, group, timeline)
        return runs

    def _by_time(self, batch: Batch, stream: Stream, places: Ints, timeline: list[Change]) -> list[Run]:
        """One template id's sets, each with the template in force, or the next one to come."""
        runs = []
        cuts = [*np.searchsorted(places, [place for place, _ in timeline]).tolist(), len(places)]
        for step, (begin, end) in enumerate(pairwise(cuts)):
            some = places[begin:end]
            if not len(some):
                continue
            after = range(step, len(timeline))  # no slice: a template may change in each of very many sets
            found = next((timeline[at] for at in after if timeline[at][1] is not None), None)
            if found is None or found[1] is None:
                self._keep(batch, some)
                continue
            runs.append(run_of(batch, stream, found[1], some, found[0]))
        return runs

    def _keep(self, batch: Batch, places: Ints) -> None:
        """Keep sets until their templates come, as far as there is room."""
        batch.records[places] = sequence.UNKNOWN
        for group in _groups(batch.stream_of[batch.sets["datagram"][places]], places):
            sets = batch.sets[group]
            heads = batch.heads[sets["datagram"]]
            waiting = Waiting(
                batch.data,
                sets["begin"].copy(),
                sets["end"].copy(),
                sets["id"].copy(),
                heads["export_us"].copy(),
                heads["uptime_ms"].copy(),
                batch.received_us[sets["datagram"]],
            )
            stream = batch.streams[int(batch.stream_of[sets[0]["datagram"]])]
            self._refused_sets += len(group) - stream.keep(waiting)

    def _read(self, run: Run, batch: Batch) -> tuple[Records, Ints]:
        """All records of a run, and how many each set has."""
        template = run.template
        size = template.dtype.itemsize
        if template.widths is None:
            counts = (run.ends - run.begins) // size
            out = np.empty(int(counts.sum()) * size, np.uint8)
            gather(run.data, run.begins, counts * size, out)
        else:
            layout = (template.widths, template.keep, size, template.least)
            counts = walk_variable(run.data, run.begins, run.ends, *layout, np.empty(0, np.uint8))
            for place in np.flatnonzero(counts < 0).tolist():
                self.report.add(
                    "a record reaches beyond the end of its set.",
                    offset=int(run.begins[place]),
                    field="variable-length field",
                )
            counts = np.where(counts < 0, -1 - counts, counts)
            total = int(counts.sum()) * size
            # One record more, for the beginning of one that is cut off.
            out = np.zeros(total + size, np.uint8)
            walk_variable(run.data, run.begins, run.ends, *layout, out)
            out = out[:total]
        if len(run.sets):
            batch.records[run.sets] = counts
        return out.view(template.dtype), counts

    def _learn(self, runs: list[Run], batch: Batch) -> None:
        """Read options data in the order in which it holds."""
        told: list[tuple[int, Stream, Template, Records]] = []
        for run in runs:
            records, counts = self._read(run, batch)
            if not run.template.matters:
                continue
            parts = np.split(records, np.cumsum(counts)[:-1])
            told += [
                (place, run.stream, run.template, part)
                for place, part in zip(run.holds_from.tolist(), parts, strict=True)
            ]
        for place, stream, template, records in sorted(told, key=lambda one: one[0]):
            facts = learn(stream.facts, template, records)
            if facts is not stream.facts:
                stream.history = stream.history or [(-1, stream.facts)]
                since = stream.history.pop()[0] if len(stream.history) > MOST_CHANGES else place
                stream.history.append((since, facts))
                stream.facts = facts

    def _pieces(self, run: Run, batch: Batch) -> list[Piece]:
        """The flows of a run, cut where what options data says changes."""
        records, counts = self._read(run, batch)
        if not is_flow(run.template):
            self.report.skipped += len(records)
            return []
        base = self._streams.find(run.stream.address, run.stream.version, 0) or run.stream
        places = sorted({place for place, _ in (*run.stream.history, *base.history) if place > -1})
        cuts = [0, *np.searchsorted(run.holds_from, places).tolist(), len(counts)]
        first = np.concatenate([[0], np.cumsum(counts)])
        pieces = []
        for begin, end, place in zip(cuts[:-1], cuts[1:], [-1, *places], strict=True):
            if first[end] > first[begin]:
                some = slice(begin, end)
                facts = _facts_at(run.stream, place), _facts_at(base, place)
                part = records[first[begin] : first[end]]
                pieces += _flows(
                    run, part, counts[some], some, *facts, self._receipt(run, counts[some], some)
                )
        self._streams.tallies["flows"][run.stream.row] += sum(map(len, pieces))
        return pieces

    def _receipt(self, run: Run, counts: Ints, sets: slice) -> receipt.Receipt | None:
        """By what the records of some of a run's sets are dated where their times cannot be right."""
        if not self._live:
            return None
        row = run.stream.row
        return receipt.Receipt(run.received_us[sets], counts, self._streams.tallies[row : row + 1])

    def _sflow(
        self, batch: Batch, offsets: npt.NDArray[np.int64], lengths: npt.NDArray[np.int32], received_us: Ints
    ) -> list[Part]:
        """The flows of the sFlow datagrams."""
        which = np.flatnonzero(batch.heads["version"] == SFLOW)
        if not len(which):
            return []
        agents = np.empty((len(which), 16), np.uint8)
        count = sflow.read_agents(batch.data, offsets, lengths, batch.heads, which, agents)
        samples = np.zeros(count, sflow.SAMPLE)
        sflow.read_samples(batch.data, offsets, lengths, batch.heads, which, samples)
        of_sample = np.searchsorted(which, samples["datagram"])
        self._follow_sflow(batch.heads[which], agents, samples, of_sample)
        times = received_us[samples["datagram"]]
        some = samples["kind"] == sflow.HEADER
        found, skipped = sflow.headers(batch.data, samples[some], times[some], agents[of_sample[some]])
        parts: list[Part] = [found]
        for kind in sflow.TEMPLATES:
            some = samples["kind"] == kind
            if some.any():
                chosen = samples[some], times[some], agents[of_sample[some]]
                parts.append(sflow.addresses(batch.data, *chosen, kind))
        self.report.skipped += skipped + int(np.count_nonzero(samples["kind"] == 0))
        return parts

    def _follow_sflow(self, heads: Table, agents: Bytes, samples: Table, of_sample: Ints) -> None:
        """Count lost datagrams per sub-agent, and lost samples per data source."""
        good = np.flatnonzero(heads["fault"] != sflow.FAULT_AGENT)
        version = np.full(len(good), SFLOW)
        domains = heads["domain"][good]
        streams, index = self._sources.of_datagrams(agents[good], version, domains)
        self._hear_sflow(streams, index, np.bincount(of_sample, minlength=len(heads))[good])
        self.losses.sflow_datagrams += self._lost(streams, index, heads["sequence"][good])
        # A data source is a stream of its own, beneath its sub-agent.
        version = SFLOW + 1 + (heads["domain"][of_sample] & 0xFFFF)
        lost = self._gaps(agents[of_sample], version, samples["source"], samples["sequence"])
        self.losses.sflow_samples += lost
        self.report.lost += lost

    def _gaps(self, addresses: Bytes, versions: Ints, domains: Ints, numbers: Ints) -> int:
        return self._lost(*self._sources.of_datagrams(addresses, versions, domains), numbers)

    def _hear_sflow(self, streams: list[Stream], index: Ints, samples: Ints) -> None:
        """Count what agents sent; sFlow tells no time of day, and no flow of it can be misdated."""
        tallies, rows = self._sources.tallies, np.array([stream.row for stream in streams], np.int64)
        receipt.hear(tallies, rows, index, None)
        tallies["flows"][rows] += np.bincount(index, samples, len(rows)).astype(np.int64)

    def _lost(self, streams: list[Stream], index: Ints, numbers: Ints) -> int:
        rows = np.array([stream.row for stream in streams], np.int64)[index]
        ones = np.ones(len(rows), np.int64)
        return int(sequence.follow(rows, numbers.copy(), ones, self._sources.states))

    def _follow(self, batch: Batch) -> None:
        """Count what the sequence numbers say was lost."""
        heads = batch.heads
        rows_of = np.array([stream.row for stream in batch.streams] + [-1], np.int64)
        known = np.bincount(batch.sets["datagram"], np.maximum(batch.records, 0), len(heads)).astype(np.int64)
        units = np.where(heads["version"] == 9, 1, np.where(heads["version"] == 5, heads["count"], known))
        unsure = heads["fault"] != 0
        unsure[batch.sets["datagram"][batch.records < 0]] = True
        units[unsure & (heads["version"] == 10)] = sequence.UNKNOWN
        rows = rows_of[batch.stream_of]
        for version, name in ((5, "v5_flows"), (9, "v9_packets"), (10, "ipfix_records")):
            some = np.where(heads["version"] == version, rows, -1)
            change = sequence.follow(some, heads["sequence"].copy(), units, self._streams.states)
            setattr(self.losses, name, getattr(self.losses, name) + change)
            self.report.lost += change
        self.losses.restarts = sum(
            int(one.states["restarts"].sum()) for one in (self._streams, self._sources)
        )


def _readable(streams: list[Stream], changes: Iterable[tuple[int, int]]) -> Ints:
    """What can be read now, or was or will be within the batch: index of the stream and template id in one number."""
    known = [(index << 17) | number for index, one in enumerate(streams) for number in one.templates]
    return np.array([*known, *((index << 17) | number for index, number in changes)], np.int64)


def _groups(keys: Ints, places: Ints) -> list[Ints]:
    """Places of one key each, in their order."""
    if not len(keys):
        return []
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    return np.split(places[order], starts[1:])


def _facts_at(stream: Stream, place: int) -> Facts:
    """What options data had told when the set at `place` was read."""
    return next((facts for since, facts in reversed(stream.history) if since <= place), stream.facts)


def _flows(
    run: Run,
    records: Records,
    counts: Ints,
    sets: slice,
    facts: Facts,
    base: Facts,
    by: receipt.Receipt | None,
) -> list[Piece]:
    """The pieces of some of a run's sets: their records, and where there is one the way back."""
    sampling: int | Ints = sampling_of(run.template, records, facts, base)
    if run.sampling is not None:
        sampling = np.maximum(np.repeat(run.sampling[sets], counts), 1)
    piece = Piece(
        run.template,
        records,
        np.repeat(run.export_us[sets], counts),
        np.repeat(run.uptime_ms[sets], counts) if run.stream.version != 10 else None,
        facts.system_init_us or base.system_init_us,
        sampling,
        run.stream.address,
        receipt=by,
    )
    back = backward(piece)
    return [piece] if back is None else [piece, back]
