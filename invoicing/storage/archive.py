"""Which stored documents belong to a case. Rows are only added: what was replaced stays."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from invoicing.domain.records import ArchivedDocument
from invoicing.storage.numbered import NumberedRows, insert_numbered
from invoicing.storage.tables import archive

_ARCHIVE = insert_numbered(archive, "case_id", "sha256")
_NUMBER = select(archive.c.number).where(archive.c.case_id == bindparam("case"), archive.c.sha256 == bindparam("hash"))
_ARCHIVED = select(archive).where(archive.c.case_id == bindparam("case")).order_by(archive.c.number)


class ArchiveRows(NumberedRows):
    """Documents by case and content."""

    async def archive(self, document: ArchivedDocument) -> int:
        """The same content again keeps its first row and gives back that one's number."""
        number = await self._numbered(_ARCHIVE, document.model_dump(exclude={"number"}))
        if number is not None:
            return number
        known = await self._read(_NUMBER, {"case": document.case_id, "hash": document.sha256})
        return int(known[0].number)

    async def archived(self, case_id: str) -> tuple[ArchivedDocument, ...]:
        """Documents of a case in the order of their arrival."""
        rows = await self._read(_ARCHIVED, {"case": case_id})
        return tuple(ArchivedDocument.model_validate(row._asdict()) for row in rows)
