"""What becomes of an authentic message about money paid out (ISTN): one line in the activity log, and nothing else.

The hash of such a message signs values and not names, so it decides nothing: what became of a refund is asked by the
refund's own watch. A repeat of the newest line about the same transfer adds none. Receiver, sender and title of the
transfer are personal data and are never read. Source: Autopay online gateway manual, "istn".
"""

from __future__ import annotations

from datetime import datetime

from invoicing.domain.records import Event, LogEntry, LogQuery
from invoicing.ports import CaseStore, TransferNotification

LOOKED_AT = 200
"""Newest lines among which a repeat is looked for; the gateway repeats within minutes."""


async def note_transfer(store: CaseStore, now: datetime, message: TransferNotification) -> None:
    """Write the line, with the case when the message names an order of ours; committed when this returns."""
    told = message.transfer
    newest = await store.activity(LogQuery(event=Event.TRANSFER_TOLD, limit=LOOKED_AT))
    before = next((line for line in newest if line.details.get("remote_out_id") == told.remote_out_id), None)
    if before is not None and before.details.get("status") == told.status.value:
        return
    ids = {"order_id": told.order_id, "remote_id": told.remote_id, "reason": told.details}
    async with store.transaction() as db:
        attempt = await db.attempt_by_order(message.service_id, told.order_id) if told.order_id else None
        entry = LogEntry(
            case_id=attempt.case_id if attempt else None,
            event=Event.TRANSFER_TOLD,
            at=now,
            attempt=attempt.attempt if attempt else None,
            actor="autopay",
            details={
                "remote_out_id": told.remote_out_id,
                "status": told.status.value,
                "told": f"{told.amount} {told.currency}",
                "refund": "yes" if told.is_refund else "no",
                **{name: value for name, value in ids.items() if value},
            },
        )
        await db.log(entry)
