"""What can be seen of an application on the stage, and how the stand-ins before it are made to misbehave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from invoicing.bootstrap import Application
from invoicing.domain.records import LogEntry, StoredAlert, StoredTask, TaskQuery
from invoicing.domain.state import CaseState
from invoicing.sandbox.autopay import faults as autopay_faults
from invoicing.sandbox.mail import faults as mail_faults
from invoicing.sandbox.running import RunningSandbox
from invoicing.sandbox.wfirma import faults as wfirma_faults


@dataclass
class Seen:
    """The application, the stand-ins, and a connection of our own to the database."""

    app: Application
    box: RunningSandbox
    sql: AsyncEngine

    def gateway(self, operation: str, fault: str, case_id: str = "", times: int = 99, **more: Any) -> None:
        """Disturb the gateway's next calls about the case."""
        switch = {"operation": operation, "fault": fault, "order_prefix": case_id, "times": times, **more}
        self.box.autopay.switches.set(autopay_faults.read_switch(switch))

    def wfirma(self, operation: str, fault: str, case_id: str = "", times: int = 99, **more: Any) -> None:
        """Disturb wFirma's next calls about the case."""
        switch = {"operation": operation, "fault": fault, "match": case_id, "times": times, **more}
        self.box.wfirma.switches.set(wfirma_faults.read_switch(switch))

    def mail(self, fault: str, recipient: str, times: int = 99) -> None:
        """Disturb the mail server's next conversations about the recipient."""
        self.box.mail_switches.set(mail_faults.read_switch({"fault": fault, "recipient": recipient, "times": times}))

    # --- what can be seen

    async def state(self, case_id: str) -> CaseState:
        return (await self.app.intake.facts(case_id)).state

    async def alerts(self) -> list[StoredAlert]:
        """All alerts, oldest first."""
        found: list[StoredAlert] = []
        while page := await self.app.store.alerts(open_only=False, after_id=found[-1].id if found else 0, limit=500):
            found += page
        return found[::-1]

    async def tasks(self, case_id: str) -> list[StoredTask]:
        """Open failed tasks of a case."""
        return list(await self.app.store.task_list(TaskQuery(case_id=case_id, open=True, limit=50)))

    async def timeline(self, case_id: str) -> list[LogEntry]:
        return list(await self.app.store.timeline(case_id))

    async def rows(self, statement: str, **values: Any) -> list[Any]:
        """What stands in the database."""
        async with self.sql.connect() as connection:
            return list((await connection.execute(text(statement), values)).all())

    async def change(self, statement: str, **values: Any) -> None:
        """Somebody else writes to the database."""
        async with self.sql.begin() as connection:
            await connection.execute(text(statement), values)
