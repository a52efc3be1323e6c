"""`reseal`: every secret at rest under the first key, however often it is run, and nothing lost without a key."""

import asyncio
import base64
from pathlib import Path
from typing import Any

from invoicing.bootstrap import application
from invoicing.domain.cases import ExpertDocument
from invoicing.settings import load
from tests.stage_samples import EXPERT
from tests.unit.starter.commands import answer, environment, starter

OLD, NEW = (f"{name}:{base64.b64encode(name.encode() * 16).decode()}" for name in ("k1", "k2"))
KEYS = {"access_key": "canary-access", "secret_key": "canary-secret", "company_id": None}
EXPERTS = 250
"""More than two batches."""


def saved(folder: Path, ring: str, *expert_ids: str) -> None:
    async def save() -> None:
        async with application(load(environment(folder, SECRETS_KEYS=ring))) as app:
            expert = ExpertDocument.model_validate({**EXPERT, "issuer": "wfirma", "wfirma": KEYS})
            async with app.store.transaction() as db:
                for expert_id in expert_ids:
                    await db.save_expert(expert_id, expert, app.clock())

    asyncio.run(save())


def check(folder: Path, **settings: str) -> dict[str, Any]:
    told = answer(starter(folder, "doctor", "--json", **settings))
    found: dict[str, Any] = next(check for check in told["checks"] if check["name"] == "secrets")
    return found


def test_every_secret_is_sealed_anew_once_and_the_old_key_may_go(folder: Path) -> None:
    saved(folder, OLD, *(f"exp-{number}" for number in range(EXPERTS)))
    before = check(folder, SECRETS_KEYS=f"{NEW},{OLD}")
    assert (before["health"], f"{EXPERTS} with k1" in before["message"]) == ("warning", True)
    first = starter(folder, "reseal", "--json", SECRETS_KEYS=f"{NEW},{OLD}")
    again = starter(folder, "reseal", "--json", SECRETS_KEYS=f"{NEW},{OLD}")
    assert (first.returncode, again.returncode) == (0, 0), first.stderr
    assert answer(first) == {"resealed": EXPERTS, "sealed_by": {"k2": EXPERTS}, "code": None}
    assert answer(again) == {"resealed": 0, "sealed_by": {"k2": EXPERTS}, "code": None}
    assert check(folder, SECRETS_KEYS=NEW)["health"] == "ok"

    async def opened() -> str:
        async with application(load(environment(folder, SECRETS_KEYS=NEW))) as app, app.store.reading() as db:
            expert = await db.expert("exp-7")
        assert expert is not None
        assert expert.wfirma is not None
        return expert.wfirma.access_key

    assert asyncio.run(opened()) == "canary-access"


def test_what_no_key_opens_stays_and_is_told_with_what_was_done(folder: Path) -> None:
    saved(folder, OLD, "exp-1")
    saved(folder, NEW, "exp-2")
    other = f"k3:{base64.b64encode(b'3' * 32).decode()}"
    done = starter(folder, "reseal", "--json", SECRETS_KEYS=f"{other},{NEW}")
    assert done.returncode == 2
    assert "SECRETS_KEYS" in done.stderr
    assert answer(done) == {"resealed": 1, "sealed_by": {"k1": 1, "k3": 1}, "code": "secrets_keys_missing"}
    assert check(folder, SECRETS_KEYS=f"{other},{NEW}")["health"] == "failed"
    assert starter(folder, "reseal", SECRETS_KEYS=f"{other},{OLD}").returncode == 0


def test_without_a_key_ring_the_line_says_which_setting_is_missing(folder: Path) -> None:
    done = starter(folder, "reseal", "--json")
    assert (done.returncode, answer(done)["code"]) == (2, "secrets_keys_missing")
    assert "SECRETS_KEYS" in done.stderr
