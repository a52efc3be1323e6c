"""Exam: attempts, captures, invoices and their numbers."""

import asyncio
import random
import traceback
from datetime import timedelta
from decimal import Decimal

from invoicing.domain.payments import AttemptState
from invoicing.errors import DataFault, InternalFault, NotFound
from invoicing.ports import CaseStore
from tests.contract.storage.samples import (
    MINUTE,
    NOW,
    SERVICE,
    OpenStore,
    attempt,
    capture,
    document,
    fault_of,
    invoice,
    opened,
    recorded,
    state,
)

SERIES, PERIOD = "1234563218|FV/{number}/{month}/{year}", "2026-11"


async def attempts_come_back_in_order_and_by_their_order_id(open_store: OpenStore) -> None:
    full = attempt(
        number=2,
        state=AttemptState.OPEN,
        sent_at=NOW,
        valid_until=NOW + timedelta(days=3),
        remote_id="9ABC",
        redirect_url="https://pay.example.com/continue?a=1&b=ż",
        reason="x",
    )
    async with opened(open_store) as store:
        await recorded(store)
        async with store.transaction() as work:
            assert await work.attempts("2026-000123") == ()
            await work.save_attempt(full)
            await work.save_attempt(attempt(number=1))
            assert await work.attempts("2026-000123") == (attempt(number=1), full)
            await work.save_attempt(attempt(number=1, state=AttemptState.DEAD))
        async with store.reading() as work:
            assert await work.attempt_by_order(SERVICE, "2026-000123-1") == attempt(number=1, state=AttemptState.DEAD)
            assert await work.attempt_by_order(SERVICE, "2026-000123-2") == full
            assert await work.attempt_by_order("other", "2026-000123-2") is None
            assert len(await work.attempts("2026-000123")) == 2


async def an_order_belongs_to_one_attempt(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store)
        async with store.transaction() as work:
            await work.save_attempt(attempt(number=1))
        fault = await fault_of(
            _in_transaction(store, "save_attempt", attempt(number=2, order_id="2026-000123-1")), InternalFault
        )
        assert "2026" not in str(fault)


async def an_attempt_of_no_case_is_refused(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await fault_of(_in_transaction(store, "save_attempt", attempt()), NotFound)


async def a_gateway_transaction_is_recorded_once(open_store: OpenStore) -> None:
    late = capture("9AAA", kept=False, captured_at=NOW - MINUTE)
    async with opened(open_store) as store:
        await recorded(store)
        async with store.transaction() as work:
            assert await work.add_capture(capture())
            assert not await work.add_capture(capture())
            assert not await work.add_capture(capture(kept=False))
            assert await work.add_capture(late)
        async with store.reading() as work:
            assert await work.captures("2026-000123") == (late, capture())
            assert await work.captures("other") == ()


async def a_case_keeps_one_payment(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store)
        async with store.transaction() as work:
            await work.add_capture(capture("9AAA"))
        fault = await fault_of(_in_transaction(store, "add_capture", capture("9BBB")), InternalFault)
        assert fault.code == "second_kept_payment"
        async with store.reading() as work:
            assert await work.captures("2026-000123") == (capture("9AAA"),)


async def of_concurrent_captures_one_is_kept(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store)
        calls = (_in_transaction(store, "add_capture", capture(f"9{n}")) for n in range(6))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert [outcome for outcome in outcomes if outcome is True] == [True]
        assert sum(isinstance(outcome, InternalFault) for outcome in outcomes) == 5
        async with store.reading() as work:
            assert len(await work.captures("2026-000123")) == 1


async def amounts_and_times_come_back_exactly(open_store: OpenStore) -> None:
    amounts = ["0.10", "99999999999999.99", "0.00", "1", "100.50", "0.000001"]
    amounts += ["123456789012345678901234567890.123456789"]
    async with opened(open_store) as store:
        await recorded(store)
        for index, text in enumerate(amounts):
            odd_zone = NOW.astimezone(tz=None) + timedelta(microseconds=index)
            row = capture(f"9{index}", kept=False, amount=Decimal(text), captured_at=odd_zone)
            await _in_transaction(store, "add_capture", row)
        async with store.reading() as work:
            stored = await work.captures("2026-000123")
        assert [str(row.amount) for row in stored] == amounts
        assert [row.captured_at for row in stored] == [NOW + timedelta(microseconds=n) for n in range(len(amounts))]
        assert {row.captured_at.utcoffset() for row in stored} == {timedelta(0)}


async def values_that_are_not_exact_are_refused(open_store: OpenStore) -> None:
    naive = capture().model_copy(update={"captured_at": NOW.replace(tzinfo=None)})
    binary = capture().model_copy(update={"amount": 398.52})
    endless = capture().model_copy(update={"amount": Decimal("NaN")})
    async with opened(open_store) as store:
        await recorded(store)
        for bad in (naive, binary, endless):
            fault = await fault_of(_in_transaction(store, "add_capture", bad), InternalFault)
            assert fault.code == "internal"
        bad_text = attempt().model_copy(update={"reason": "a\x00b"})
        await fault_of(_in_transaction(store, "save_attempt", bad_text), DataFault)
        async with store.reading() as work:
            assert (await work.captures("2026-000123"), await work.attempts("2026-000123")) == ((), ())


async def an_invoice_comes_back_whole_and_gets_its_document(open_store: OpenStore) -> None:
    sha256 = "ab" * 32
    async with opened(open_store) as store:
        await recorded(store)
        async with store.transaction() as work:
            assert await work.invoice("2026-000123") is None
            await work.add_invoice(invoice(), SERIES, PERIOD, await work.take_number(SERIES, PERIOD))
        async with store.transaction() as work:
            before = await work.invoice("2026-000123")
            assert before is not None
            assert (before.invoice, before.sha256) == (invoice(), None)
            await work.set_invoice_document("2026-000123", 1, sha256)
            after = await work.invoice("2026-000123")
            assert after is not None
            assert (after.invoice, after.sha256) == (invoice(), sha256)
            await fault_of(work.set_invoice_document("2026-000123", 2, sha256), InternalFault)


async def a_second_invoice_number_or_ordinal_is_refused(open_store: OpenStore) -> None:
    seconds = (
        (invoice("FV/2/11/2026", "case-1"), 2),
        (invoice("FV/1/11/2026", "case-2"), 2),
        (invoice("FV/2/11/2026", "case-2"), 1),
    )
    async with opened(open_store) as store:
        await recorded(store, "case-1", "case-2")
        await _in_transaction(store, "add_invoice", invoice("FV/1/11/2026", "case-1"), SERIES, PERIOD, 1)
        for second, ordinal in seconds:
            fault = await fault_of(
                _in_transaction(store, "add_invoice", second, SERIES, PERIOD, ordinal), InternalFault
            )
            assert fault.code == "invoice_exists"
            assert "Przyk" not in "".join(traceback.format_exception(fault))
        await _in_transaction(store, "add_invoice", invoice("FV/2/11/2026", "case-2"), SERIES, PERIOD, 2)


async def numbers_count_from_one_in_each_series_and_period(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        async with store.transaction() as work:
            taken = [
                await work.take_number(*key) for key in (("a", "1"), ("a", "1"), ("a", "2"), ("b", "1"), ("a", "1"))
            ]
        assert taken == [1, 2, 1, 1, 3]


async def a_counter_can_be_moved_up_and_never_down(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        async with store.transaction() as work:
            taken = [await work.take_number("a", "1", lowest) for lowest in (1, 7, 3, 1, 9, 11, 11)]
            assert await work.take_number("b", "1", 5) == 5
        assert taken == [1, 7, 8, 9, 10, 11, 12]


async def numbers_on_documents_of_the_seller_are_told_whatever_their_series(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        await recorded(store, "case-1", "case-2", "case-3")
        foreign = invoice("FV/3", "case-3")
        foreign = foreign.model_copy(update={"seller": foreign.seller.model_copy(update={"tax_id": "5260250274"})})
        async with store.transaction() as work:
            await work.add_invoice(invoice("FV/1", "case-1"), "series", "", 1)
            await work.add_invoice(invoice("FV/02", "case-2"), "other", "", 2)
            await work.add_invoice(foreign, "foreign", "", 3)
        asked = ["FV/1", "FV/2", "FV/02", "FV/3", "fv/1"]
        async with store.reading() as work:
            assert await work.used_numbers("1234563218", asked) == {"FV/1", "FV/02"}
            assert await work.used_numbers("5260250274", asked) == {"FV/3"}
            assert await work.used_numbers("1234563218", []) == frozenset()


async def a_number_that_was_told_to_be_free_is_nobody_elses(open_store: OpenStore) -> None:
    names = [f"case-{n}" for n in range(8)]

    async def first_free(store: CaseStore, case_id: str) -> str:
        async with store.transaction() as work:
            candidates = [f"FV/{n}" for n in range(1, 9)]
            used = await work.used_numbers("1234563218", candidates)
            number = next(one for one in candidates if one not in used)
            await asyncio.sleep(0)
            await work.add_invoice(invoice(number, case_id), case_id, "", 1)
        return number

    async with opened(open_store) as store, opened(open_store) as other:
        await recorded(store, *names)
        told = await asyncio.gather(*(first_free((store, other)[n % 2], name) for n, name in enumerate(names)))
        assert sorted(told) == [f"FV/{n}" for n in range(1, 9)]


async def numbers_have_no_gap_with_many_writers_and_rollbacks(open_store: OpenStore) -> None:
    names = [f"case-{n}" for n in range(96)]
    async with opened(open_store) as store, opened(open_store) as other:
        await recorded(store, *names)
        batches = [names[n::16] for n in range(16)]
        kept = await asyncio.gather(
            *(write_invoices((store, other)[n % 2], batch, seed=n) for n, batch in enumerate(batches))
        )
        ordinals = await stored_ordinals(store, [name for batch in kept for name in batch])
        assert 0 < len(ordinals) < len(names)
        assert sorted(ordinals) == list(range(1, len(ordinals) + 1))
        async with store.transaction() as work:
            assert await work.take_number(SERIES, PERIOD) == len(ordinals) + 1


async def write_invoices(store: CaseStore, case_ids: list[str], seed: int) -> list[str]:
    """Take a number and store an invoice for each case, in three of ten roll back; gives those that were committed."""
    dice = random.Random(seed)  # noqa: S311  # which transactions fail is no secret
    kept = []
    for case_id in case_ids:
        try:
            async with store.transaction() as work:
                ordinal = await work.take_number(SERIES, PERIOD)
                await asyncio.sleep(0)
                await work.add_invoice(invoice(f"FV/{ordinal}/11/2026", case_id), SERIES, PERIOD, ordinal)
                if dice.random() < 0.3:
                    raise _RolledBack
            kept.append(case_id)
        except _RolledBack:
            continue
    return kept


async def stored_ordinals(store: CaseStore, case_ids: list[str]) -> list[int]:
    """The ordinals that stand on stored invoices."""
    ordinals = []
    async with store.reading() as work:
        for case_id in case_ids:
            stored = await work.invoice(case_id)
            if stored is not None:
                ordinals.append(int(stored.invoice.number.split("/")[1]))
    return ordinals


async def case_with_everything_can_be_written_in_one_transaction(open_store: OpenStore) -> None:
    async with opened(open_store) as store:
        async with store.transaction() as work:
            await work.record_case(document(), state(), NOW)
            await work.save_attempt(attempt())
            assert await work.add_capture(capture())
            await work.add_invoice(invoice(), SERIES, PERIOD, await work.take_number(SERIES, PERIOD))
        async with store.reading() as work:
            assert await work.invoice("2026-000123") is not None


async def _in_transaction(store: CaseStore, method: str, *arguments: object) -> object:
    async with store.transaction() as work:
        return await getattr(work, method)(*arguments)


class _RolledBack(Exception):
    """A failure after the number was taken."""
