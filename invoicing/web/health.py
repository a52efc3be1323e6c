"""Liveness, and readiness with the state of every dependency.

Ready means that requests can be accepted: the database has this version's schema and the document folder takes files.
Temporal, workers, mail and Autopay may be away or not set up; what is accepted meanwhile waits in the database.
"""

from __future__ import annotations

import asyncio
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from fastapi import APIRouter, Response
from temporalio.client import Client
from temporalio.service import RPCError

from invoicing.errors import PaidcaseError
from invoicing.ports import CaseStore, Clock
from invoicing.presenting import moment
from invoicing.web.described import Alive, Readiness
from invoicing.web.parts import Parts
from invoicing.web.replies import reply, sent

PATIENCE = timedelta(seconds=2)
ALIVE_WITHIN = timedelta(seconds=30)
"""Three signs of life."""

router = APIRouter(tags=["health"])


@router.get("/healthz", operation_id="isAlive", responses={200: {"model": Alive}})
async def is_alive() -> Response:
    """The process answers."""
    return sent(reply(200, {"status": "ok"}, "en"))


@router.get(
    "/readyz",
    operation_id="isReady",
    responses={200: {"model": Readiness}, 503: {"model": Readiness, "description": "Database or documents are away."}},
)
async def is_ready(parts: Parts) -> Response:
    """Readiness, and what each dependency says."""
    database, documents, temporal, workers, issuers = await asyncio.gather(
        _database(parts.store),
        asyncio.to_thread(_documents, parts.documents_url),
        _temporal(parts.temporal),
        _workers(parts.store, parts.clock),
        _issuers(parts.store),
    )
    ready = bool(database["ok"] and documents["ok"])
    dependencies = {
        "database": database,
        "documents": documents,
        "temporal": temporal,
        "workers": workers,
        "issuers": issuers,
        "autopay": {"configured": parts.takes_payments},
        "mail": {"configured": parts.sends_mail},
    }
    return sent(reply(200 if ready else 503, {"ready": ready, "dependencies": dependencies}, "en"))


async def _database(store: CaseStore) -> dict[str, Any]:
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            return {"ok": True, "schema": await store.ping(), "waiting": dict(await store.waiting())}
    except PaidcaseError as error:
        return {"ok": False, "code": error.code}
    except TimeoutError:
        return {"ok": False, "code": "database_unavailable"}


def _documents(url: str) -> dict[str, Any]:
    folder = Path(unquote(urlsplit(url).path)) if url.startswith("file://") else Path(url).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(b"0")
            trial.flush()
    except OSError:
        return {"ok": False, "code": "document_store"}
    return {"ok": True}


async def _temporal(client: Client | None) -> dict[str, Any]:
    if client is None:
        return {"ok": False}
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            return {"ok": await client.service_client.check_health(timeout=PATIENCE)}
    except (RPCError, RuntimeError, TimeoutError):  # a lazy client that cannot connect raises RuntimeError
        return {"ok": False}


async def _workers(store: CaseStore, clock: Clock) -> dict[str, Any]:
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            seen = [process for process in await store.workers() if process.role == "worker"]
    except (PaidcaseError, TimeoutError):
        return {"ok": False, "alive": None, "last_seen_at": None}
    alive = sum(clock() - process.seen_at <= ALIVE_WITHIN for process in seen)
    return {"ok": alive > 0, "alive": alive, "last_seen_at": moment(seen[0].seen_at) if seen else None}


async def _issuers(store: CaseStore) -> dict[str, Any]:
    """Issuers whose provider has ever failed for many cases, and accounts there that are away now.

    `waiting` counts the cases that are held before each; an account that is away does not make its issuer so.
    """
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            gates = await store.gates()
    except (PaidcaseError, TimeoutError):
        return {"ok": False}
    told = {
        gate.issuer: {
            "ok": not gate.shut,
            "shut_since": moment(gate.shut_at) if gate.shut_at else None,
            "next_probe_at": moment(gate.probe_at) if gate.probe_at else None,
            "waiting": gate.waiting,
        }
        for gate in gates
        if gate.of_issuer or gate.shut or gate.waiting
    }
    return {"ok": not any(gate.shut for gate in gates if gate.of_issuer), **told}
