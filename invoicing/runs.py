"""What Temporal knows of runs: in lots by visibility, and what that does not show is asked for one by one.

Visibility lags behind; a run is called missing only when the engine itself says that it is closed or unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from invoicing.errors import ConnectivityFault
from workflows import identity

LOT = 50
AT_ONCE = 8
ANSWER_WITHIN = timedelta(seconds=10)


class TemporalRuns:
    """The port `Runs` on a Temporal client."""

    def __init__(self, temporal: Client) -> None:
        self._temporal = temporal

    async def missing(self, case_ids: Sequence[str]) -> frozenset[str]:
        """Cases without an open run of their own."""
        ended = await self._ended([identity.paid_case_id(case_id) for case_id in case_ids])
        return frozenset(case_id for case_id in case_ids if identity.paid_case_id(case_id) in ended)

    async def unfollowed(self, acts: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], str | None]:
        """Decisions that neither the case's run nor one of their own carries out, with the run that last did."""
        cases = {case_id for case_id, _ in acts}
        wanted = [identity.paid_case_id(case_id) for case_id in sorted(cases)]
        wanted += [identity.case_action_id(case_id, number) for case_id, number in acts]
        ended = await self._ended(wanted)
        alone: dict[tuple[str, int], str | None] = {}
        for case_id, number in acts:
            own, run = identity.case_action_id(case_id, number), identity.paid_case_id(case_id)
            if own in ended and run in ended:
                alone[case_id, number] = ended[own] or ended[run]
        return alone

    async def stuck(self) -> tuple[str, ...]:
        """Cases whose open run fails its workflow task again and again; a server that cannot tell tells of none."""
        found = set[str]()
        query = "ExecutionStatus = 'Running' AND TemporalReportedProblems IS NOT NULL"
        try:
            async for run in self._temporal.list_workflows(query, rpc_timeout=ANSWER_WITHIN):
                named = next((pair.value for pair in run.typed_search_attributes if pair.key == identity.CASE_ID), None)
                if named is not None:
                    found.add(str(named))
        except RPCError as error:
            if error.status is RPCStatusCode.INVALID_ARGUMENT:
                return ()
            raise _away(error) from None
        return tuple(sorted(found))

    async def _ended(self, workflow_ids: Sequence[str]) -> dict[str, str | None]:
        """Those that have no open run for certain, each with its newest run; None where none is known."""
        going: set[str] = set()
        for start in range(0, len(workflow_ids), LOT):
            lot = workflow_ids[start : start + LOT]
            named = ", ".join(f"'{workflow_id}'" for workflow_id in lot)
            query = f"ExecutionStatus = 'Running' AND WorkflowId IN ({named})"
            try:
                async for run in self._temporal.list_workflows(query, page_size=LOT, rpc_timeout=ANSWER_WITHIN):
                    going.add(run.id)
            except RPCError as error:
                raise _away(error) from None
        turn = asyncio.Semaphore(AT_ONCE)
        ended: dict[str, str | None] = {}

        async def asked(workflow_id: str) -> None:
            async with turn:
                newest = await self._newest(workflow_id)
            if newest is None or newest.status is not WorkflowExecutionStatus.RUNNING:
                ended[workflow_id] = None if newest is None else newest.run_id

        rest = [workflow_id for workflow_id in workflow_ids if workflow_id not in going]
        await asyncio.gather(*map(asked, rest))
        return ended

    async def _newest(self, workflow_id: str) -> WorkflowExecutionDescription | None:
        try:
            return await self._temporal.get_workflow_handle(workflow_id).describe(rpc_timeout=ANSWER_WITHIN)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise _away(error) from None


def _away(error: RPCError) -> ConnectivityFault:
    return ConnectivityFault("temporal_unreachable", f"the Temporal server answers {error.status.name}")
