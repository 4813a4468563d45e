"""The API of the constituency: rows, look-ups, changes and imports."""

import tempfile
from pathlib import Path
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from hanse.constituency import service
from hanse.constituency.models import Protected
from hanse.constituency.registry import RegistryError, Target
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Pap, Tlp
from hanse.ledger.identity import authority
from hanse.web.api import In, Page, Paging, endpoint, paged
from hanse.web.keyset import Order
from hanse.web.page import signed_in

router = Router(tags=["constituency"])


class ConstituencyWanted(Schema):
    """Which rows."""

    within: str = Field("", max_length=64, description="An address or network: what holds it or lies in it.")
    sector: str | None = Field(None, max_length=64)
    country: str | None = Field(None, max_length=2)
    organisation: str | None = Field(None, max_length=500)


class Asked(Schema):
    """Whose somebody asks."""

    address: str = Field(max_length=64, description="An address or network.")


class RowOut(Schema):
    """One host or network and whose it is."""

    prefix: str
    organisation: str
    sector: str
    country: str
    site: str
    contact: str


class RowIn(In):
    """A host or network to protect."""

    prefix: str = Field(max_length=64)
    organisation: str = Field(min_length=1, max_length=500)
    sector: str = Field(max_length=64)
    country: str = Field(pattern="^[A-Z]{2}$")
    site: str = Field("", max_length=500)
    contact: str = Field("", max_length=500, description="Whom to call or write to when it is hit.")
    reason: str = Field("", max_length=4_000)


class RemoveIn(In):
    """A host or network to protect no longer."""

    prefix: str = Field(max_length=64)
    reason: str = Field("", max_length=4_000)


class ImportIn(In):
    """A registry file as text."""

    csv: str = Field(max_length=2_000_000)
    name: str = Field("import.csv", max_length=200)
    apply: bool = Field(default=False, description="Do it, rather than only say what would be done.")
    tlp: Literal["CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"] = Field(
        "AMBER", description="Of all rows."
    )
    pap: Literal["CLEAR", "GREEN", "AMBER", "RED"] = Field("AMBER", description="Of all rows.")


class PutBackIn(In):
    """Whether to undo the last import."""

    apply: bool = Field(default=False, description="Do it, rather than only say what would be done.")


class ImportedOut(Schema):
    """What becomes of one row."""

    status: Literal["new", "changed", "same", "removed", "wrong"]
    prefix: str
    organisation: str
    words: str


class ImportOut(Schema):
    """What an import did or would do."""

    applied: bool
    rows: list[ImportedOut]


@router.get("", response=Page[RowOut], operation_id="constituency_list")
@endpoint("constituency.view")
def list_rows(request: HttpRequest, wanted: Query[ConstituencyWanted], paging: Query[Paging]) -> Any:
    """The rows in order of organisation."""
    told = wanted.dict(exclude_none=True)
    rows = service.targets(signed_in(request), told.pop("within"))
    return paged(rows.filter(**told), Order("organisation"), paging)


@router.get("/lookup", response={200: RowOut, 204: None}, operation_id="constituency_lookup")
@endpoint("constituency.view")
def look_up(request: HttpRequest, asked: Query[Asked]) -> Any:
    """Whose an address or network is, as far as you may see; 204 where nobody's."""
    seen = Protected.objects.for_actor(signed_in(request), "constituency.view")
    return service.most_specific(seen, asked.address) or Status(204, None)


@router.post("/rows", response={204: None}, operation_id="constituency_change")
@endpoint("constituency.edit")
def change(request: HttpRequest, row: RowIn) -> Any:
    """Protect a host or network, or say something else of it."""
    told = row.dict()
    reason = told.pop("reason")
    service.change(Target(**told), signed_in(request), reason)
    return Status(204, None)


@router.post("/rows/remove", response={204: None}, operation_id="constituency_remove")
@endpoint("constituency.edit")
def remove(request: HttpRequest, row: RemoveIn) -> Any:
    """Protect a host or network no longer."""
    service.remove(row.prefix, signed_in(request), row.reason)
    return Status(204, None)


@router.post("/import", response=ImportOut, operation_id="constituency_import")
@endpoint("constituency.edit", in_parts=True)
def import_rows(request: HttpRequest, told: ImportIn) -> Any:
    """Replace the constituency by a registry file, or say row by row what that would do."""
    with tempfile.TemporaryDirectory(prefix="hanse-") as folder:
        path = Path(folder) / "import.csv"
        try:
            path.write_text(told.csv, "utf-8")
            marking = Marking(originators=frozenset({authority()}), tlp=Tlp(told.tlp), pap=Pap(told.pap))
            report = service.import_file(
                path, signed_in(request), apply=told.apply, name=told.name, marking=marking
            )
        except (RegistryError, UnicodeEncodeError) as error:
            raise UsageError(str(error)) from None
    return {"applied": report.applied, "rows": report.rows}


@router.post("/import/put-back", response=ImportOut, operation_id="constituency_put_back")
@endpoint("constituency.edit")
def put_back(request: HttpRequest, told: PutBackIn) -> Any:
    """Make the constituency what it was before the last import, or say row by row what that would do."""
    report = service.put_back(signed_in(request), apply=told.apply)
    return {"applied": report.applied, "rows": report.rows}
