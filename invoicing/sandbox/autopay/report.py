"""The ledger as JSON, for tests, the demo and curious people. No personal data."""

from collections import Counter
from typing import Any

from invoicing.sandbox.autopay.ledger import Ledger, Transaction
from invoicing.sandbox.autopay.refunds import Refund, RefundBook


def order_json(ledger: Ledger, book: RefundBook, order_id: str) -> dict[str, Any]:
    transactions = ledger.anywhere(order_id)
    refunds = [item for item in book if item.transaction.order_id == order_id]
    return {
        "order_id": order_id,
        "cancelled": any(order == order_id for _, order in ledger.burnt),
        "starts": sum(item.origin == "start" for item in transactions),
        "transactions": [transaction_json(item) for item in transactions],
        "refunds": [refund_json(item) for item in refunds],
        "requests": dict(sorted(ledger.requests.get(order_id, {}).items())),
    }


def ledger_json(ledger: Ledger, book: RefundBook) -> dict[str, Any]:
    totals: Counter[str] = Counter()
    for of_order in ledger.requests.values():
        totals.update(of_order)
    return {
        "transactions": [transaction_json(item) for item in ledger.by_remote.values()],
        "refunds": [refund_json(item) for item in book],
        "cancelled_orders": sorted(order for _, order in ledger.burnt),
        "requests": dict(sorted(totals.items())),
    }


def transaction_json(item: Transaction) -> dict[str, Any]:
    return {
        "service_id": item.service.service_id,
        "order_id": item.order_id,
        "remote_id": item.remote_id,
        "amount": item.amount,
        "currency": item.service.currency,
        "reported_amount": item.reported_amount,
        "reported_currency": item.reported_currency,
        "status": item.status.value,
        "details": item.details,
        "gateway_id": item.gateway_id,
        "origin": item.origin,
        "started_at": item.started_at.isoformat(),
        "valid_until": item.valid_until.isoformat(),
        "itns": [
            {"sent_at": itn.sent_at.isoformat(), "status": itn.status.value, "answer": itn.answer} for itn in item.itns
        ],
    }


def refund_json(item: Refund) -> dict[str, Any]:
    return {
        "message_id": item.message_id,
        "order_id": item.transaction.order_id,
        "remote_id": item.transaction.remote_id,
        "amount": item.amount,
        "currency": item.transaction.reported_currency,
        "status": item.status.value,
        "remote_out_id": item.told_out_id,
        "ordered_at": item.ordered_at.isoformat(),
        "times_asked": item.times_asked,
        "istns": [
            {"sent_at": istn.sent_at.isoformat(), "status": istn.status.value, "answer": istn.answer}
            for istn in item.istns
        ],
    }
