"""What `doctor` says of issuers whose provider fails for many cases, and of the cases that wait for it."""

from __future__ import annotations

from invoicing.bootstrap import Application
from invoicing.domain.brownouts import SeenGate
from invoicing.errors import PaidcaseError
from invoicing.presenting import moment
from starter.health import Check, Health


async def shut_issuers(app: Application) -> tuple[Check, ...]:
    """A warning for each; nothing while all providers are well, or while the database is away, which says so itself."""
    try:
        gates = await app.store.gates()
    except PaidcaseError:
        return ()
    return tuple(_check(gate) for gate in gates if gate.shut or gate.waiting)


def _check(gate: SeenGate) -> Check:
    who = "its provider" if gate.of_issuer else "the account there"
    told = "is back, and held cases go one after the other"
    if gate.shut_at is not None:
        asked = "" if gate.probe_at is None else f", asked again at {moment(gate.probe_at)}"
        told = f"fails for many cases since {moment(gate.shut_at)}{asked}"
    return Check(f"issuer {gate.issuer}", Health.WARNING, f"{who} {told}; cases that wait: {gate.waiting}")
