"""One in how many packets was seen: what options data and the records themselves say of it."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hanse.telemetry.exports import elements as e
from hanse.telemetry.exports.templates import Records, Template, number_of

MAX_RATE = 2**31 - 1
MAX_SAMPLERS = 1_024
"""Samplers remembered per stream; routers have one per line card or interface at most."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What options data told about one stream so far.

    Attributes:
        rate: One in how many packets, for the whole stream; 0 where not told.
        samplers: The same per sampler id.
        system_init_us: When the exporter started, microseconds UTC; None where not told.
    """

    rate: int = 0
    samplers: dict[int, int] = field(default_factory=dict)
    system_init_us: int | None = None

    @property
    def general(self) -> int:
        """The rate of flows that name no sampler: the stream's, or the one that all samplers have."""
        if self.rate:
            return self.rate
        rates = set(self.samplers.values())
        return rates.pop() if len(rates) == 1 else 0


def _column(template: Template, records: Records, number: int) -> npt.NDArray[Any] | None:
    name = template.names.get((0, number))
    return None if name is None else number_of(records, name)


def rates_in(template: Template, records: Records) -> npt.NDArray[np.int64] | None:
    """The sampling rates that records state, 0 where one states none; None if the template has no field."""
    if not any(template.has(number) for number in e.RATE_ELEMENTS):
        return None
    rates = np.zeros(len(records), np.float64)
    taken, space = (_column(template, records, n) for n in (e.PACKET_INTERVAL, e.PACKET_SPACE))
    if taken is not None:
        taken = taken.astype(np.float64)
        # Without a space the interval is "one in so many", as Cisco writes it (RFC 5477, 8.2.2).
        rates = taken if space is None else 1 + space.astype(np.float64) / np.maximum(taken, 1)
        rates = np.where(taken == 0, 0, rates)
    size, population = (_column(template, records, n) for n in (e.SAMPLE_SIZE, e.SAMPLE_POPULATION))
    if population is not None:
        sizes = np.ones(len(records)) if size is None else np.maximum(size.astype(np.float64), 1)
        rates = np.where(rates == 0, population.astype(np.float64) / sizes, rates)
    chance = _column(template, records, e.PROBABILITY)
    if chance is not None:
        valid = (chance > 0) & (chance <= 1)
        rates = np.where(valid & (rates == 0), 1 / np.where(valid, chance, 1), rates)
    for number in reversed(e.INTERVALS):
        column = _column(template, records, number)
        if column is not None:
            rates = np.where(column != 0, column.astype(np.float64), rates)
    return np.minimum(np.rint(rates), MAX_RATE).astype(np.int64)


def sampler_ids(template: Template, records: Records) -> npt.NDArray[Any] | None:
    """The sampler that each record names; None if the template has no field for it."""
    found = (_column(template, records, number) for number in e.SAMPLER_IDS)
    return next((column for column in found if column is not None), None)


def learn(facts: Facts, template: Template, records: Records) -> Facts:
    """The facts after some options records; the same object where they told nothing new."""
    samplers = dict(facts.samplers)
    rate, init = facts.rate, facts.system_init_us
    rates, ids = rates_in(template, records), sampler_ids(template, records)
    started = _column(template, records, e.SYSTEM_INIT)
    if started is not None and len(started) and 0 < started[-1] < 253_402_300_799_000:
        init = int(started[-1]) * 1000
    if rates is not None and ids is None and (rates > 0).any():
        rate = int(rates[rates > 0][-1])
    if rates is not None and ids is not None:
        for number, value in zip(ids.tolist(), rates.tolist(), strict=True):
            if value > 0 and (number in samplers or len(samplers) < MAX_SAMPLERS):
                samplers[number] = value
    changed = replace(facts, rate=rate, samplers=samplers, system_init_us=init)
    return facts if changed == facts else changed


def sampling_of(
    template: Template, records: Records, facts: Facts, base: Facts
) -> int | npt.NDArray[np.int64]:
    """One in how many packets, per record or for all of them; 1 where nothing is known.

    A record's own field goes first, then the sampler that it names, then what holds for its stream,
    then what the exporter said under domain 0, which stands for all of it (RFC 7011, section 3.1).
    """
    general = facts.general or base.general or 1
    ids = sampler_ids(template, records)
    result: int | npt.NDArray[np.int64] = general
    if ids is not None and len(ids):
        result = _by_sampler(ids, {**base.samplers, **facts.samplers}, facts.rate or base.rate or 1)
    own = rates_in(template, records)
    return result if own is None else np.where(own > 0, own, result)


def _by_sampler(ids: npt.NDArray[Any], samplers: dict[int, int], general: int) -> int | npt.NDArray[np.int64]:
    if (ids == ids[0]).all():
        return samplers.get(int(ids[0]), general)
    different, which = np.unique(ids, return_inverse=True)
    return np.array([samplers.get(number, general) for number in different.tolist()], np.int64)[which]
