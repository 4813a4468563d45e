"""What the storage settings mean for telemetry, which lies below and asks for it."""

from dataclasses import replace

from hanse.console.service import Storage, setting
from hanse.telemetry.limits import Limits
from hanse.web.uploads import Caps

_GIB = 1024**3


def telemetry_limits() -> Limits:
    """How much telemetry is taken and kept, as the settings say now."""
    told = setting(Storage)
    caps = Caps()
    largest = told.upload_gib * _GIB
    return Limits(
        told.flows_gib * _GIB,
        replace(caps, file_bytes=largest, total_bytes=max(largest, caps.total_bytes)),
    )
