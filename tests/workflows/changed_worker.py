"""`python -m tests.workflows.changed_worker guarded|careless`: the product's worker with a changed workflow.

Both versions wait a moment before billing data are checked; only one of them keeps the old way for runs that are open.
"""

import os
import sys

from temporalio import workflow

from invoicing import bootstrap
from invoicing.leaving import leave
from invoicing.logs import configure
from invoicing.serving import run_worker
from invoicing.settings import load
from workflows.messages import PaidCaseInput, PaidCaseResult
from workflows.paid_case import PaidCase

PATCH = "pause-before-check"


@workflow.defn(name="PaidCase")
class Guarded(PaidCase):
    """The change as it is to be made."""

    @workflow.init
    def __init__(self, case: PaidCaseInput) -> None:
        super().__init__(case)

    @workflow.run
    async def run(self, case: PaidCaseInput) -> PaidCaseResult:
        return await super().run(case)

    async def _validated(self) -> None:
        if workflow.patched(PATCH):
            await workflow.sleep(0.01, summary="A moment before the check")
        await super()._validated()


@workflow.defn(name="PaidCase")
class Careless(Guarded):
    """The same without its guard, and one moment more."""

    @workflow.init
    def __init__(self, case: PaidCaseInput) -> None:
        super().__init__(case)

    @workflow.run
    async def run(self, case: PaidCaseInput) -> PaidCaseResult:
        return await super().run(case)

    async def _validated(self) -> None:
        await workflow.sleep(0.01, summary="A moment before the check")
        await super()._validated()


CHANGED = {"guarded": Guarded, "careless": Careless}


def main(change: str) -> int:
    """A worker until it is told to stop."""
    others = [known for known in bootstrap.WORKFLOWS if known is not PaidCase]
    vars(bootstrap)["WORKFLOWS"] = (CHANGED[change], *others)
    env = dict(os.environ)
    settings = load(env)
    configure(settings.log_level, settings.log_format)
    return run_worker(settings, env)


if __name__ == "__main__":
    leave(main(sys.argv[1]))
