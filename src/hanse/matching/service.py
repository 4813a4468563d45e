"""What the composition root registers of matching: kinds of entries, and who handles what partners send."""

from collections.abc import Iterable

from hanse.federation.handlers import Handler
from hanse.ledger.kinds import Kind
from hanse.matching import (
    agreeing,
    answering,
    contacting,
    hits,
    reopening,
    run_projecting,
    source_rows,
    standing_days,
    standing_on,
    tag_keys,
    who_else,
    withholding,
)

KINDS: Iterable[Kind] = (
    *agreeing.KINDS,
    *withholding.KINDS,
    *run_projecting.KINDS,
    *hits.KINDS,
    *contacting.KINDS,
    *reopening.KINDS,
    *tag_keys.KINDS,
    *who_else.KINDS,
    *answering.KINDS,
    *source_rows.KINDS,
    *standing_on.KINDS,
    *standing_days.KINDS,
)
HANDLERS: Iterable[Handler] = (
    *run_projecting.HANDLERS,
    *contacting.HANDLERS,
    *tag_keys.HANDLERS,
    *standing_on.HANDLERS,
    *standing_days.HANDLERS,
)
