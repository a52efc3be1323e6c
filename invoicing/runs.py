"""What Temporal knows of runs: in lots by visibility, and what that does not show is asked for one by one.

Visibility lags behind; a run is called missing only when the engine itself says that it is closed or unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from invoicing.errors import ConnectivityFault
from workflows import identity

LOT = 50
AT_ONCE = 8
ANSWER_WITHIN = timedelta(seconds=10)
PROBLEMS = "TemporalReportedProblems"
CUT_SHORT = frozenset(
    {WorkflowExecutionStatus.TERMINATED, WorkflowExecutionStatus.FAILED, WorkflowExecutionStatus.TIMED_OUT}
)


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

    async def cut_short(self, since: datetime) -> tuple[tuple[str, int], ...]:
        """Decisions whose own run was terminated or has failed; one that was cancelled has told it itself."""
        query = (
            "WorkflowType = 'CaseAction' AND ExecutionStatus IN ('Terminated', 'Failed', 'TimedOut') "
            f"AND CloseTime > '{since.isoformat()}'"
        )
        try:
            ended = {run.id async for run in self._temporal.list_workflows(query, rpc_timeout=ANSWER_WITHIN)}
        except RPCError as error:
            raise _away(error) from None
        found: list[tuple[str, int]] = []
        for workflow_id in sorted(ended):
            newest, decision = await self._newest(workflow_id), identity.decision_of(workflow_id)
            if decision is not None and newest is not None and newest.status in CUT_SHORT:
                found.append(decision)
        return tuple(found)

    async def stuck(self) -> Mapping[str, str]:
        """Cases whose open run fails its workflow task again and again; a server that cannot tell tells of none."""
        found = dict[str, str]()
        query = f"ExecutionStatus = 'Running' AND {PROBLEMS} IS NOT NULL"
        try:
            async for run in self._temporal.list_workflows(query, rpc_timeout=ANSWER_WITHIN):
                named = {pair.key.name: pair.value for pair in run.typed_search_attributes}
                if (case_id := named.get(identity.CASE_ID.name)) is not None:
                    found[str(case_id)] = _problem(named.get(PROBLEMS))
        except RPCError as error:
            if error.status is RPCStatusCode.INVALID_ARGUMENT:
                return {}
            raise _away(error) from None
        return found

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


def _problem(words: object) -> str:
    """What follows `cause=WorkflowTaskFailedCause` in one of the words."""
    told = [str(word) for word in words] if isinstance(words, Sequence) else []
    causes = [word.partition("cause=")[2] for word in told if word.startswith("cause=")]
    return causes[0].removeprefix("WorkflowTaskFailedCause") if causes else "unknown"


def _away(error: RPCError) -> ConnectivityFault:
    return ConnectivityFault("temporal_unreachable", f"the Temporal server answers {error.status.name}")
