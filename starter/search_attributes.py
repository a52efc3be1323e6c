"""Search attributes of the namespace: which are missing, and adding them through the operator service."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeIndexedValueType
from temporalio.service import RPCError, RPCStatusCode

from invoicing.errors import ConnectivityFault, SettingsFault
from starter.handing_over import ANSWER_WITHIN, meaning
from workflows.identity import SEARCH_ATTRIBUTES

VISIBLE_WITHIN = timedelta(seconds=20)
"""A server reads its list of attributes from a cache, so that what was added shows a little later."""

_KINDS = {
    SearchAttributeIndexedValueType.KEYWORD: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    SearchAttributeIndexedValueType.BOOL: IndexedValueType.INDEXED_VALUE_TYPE_BOOL,
}
WANTED: Mapping[str, IndexedValueType.ValueType] = {
    key.name: _KINDS[key.indexed_value_type] for key in SEARCH_ATTRIBUTES
}
_ELSEWHERE = frozenset({RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED})


async def missing(client: Client) -> tuple[str, ...]:
    """Names that the namespace has not. Raises `SettingsFault` for one that it has with another type."""
    try:
        answer = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace), timeout=ANSWER_WITHIN
        )
    except RPCError as error:
        raise meaning(error, client.namespace) from None
    known = {**answer.system_attributes, **answer.custom_attributes}
    other = [name for name, kind in WANTED.items() if known.get(name, kind) != kind]
    if other:
        what = f"namespace {client.namespace} has {', '.join(other)} with another type: remove or rename there"
        raise SettingsFault("search_attributes", what)
    return tuple(name for name in WANTED if name not in known)


async def register_missing(client: Client) -> tuple[str, ...]:
    """Add what is missing, wait until the server knows it, and say what was added."""
    added = await missing(client)
    if not added:
        return ()
    request = AddSearchAttributesRequest(
        namespace=client.namespace, search_attributes={name: WANTED[name] for name in added}
    )
    try:
        await client.operator_service.add_search_attributes(request, timeout=ANSWER_WITHIN)
    except RPCError as error:
        if error.status in _ELSEWHERE:
            what = f"this server lets nobody add search attributes here; add them in its console: {', '.join(added)}"
            raise SettingsFault("search_attributes", what) from None
        if error.status is not RPCStatusCode.ALREADY_EXISTS:  # another setup was quicker
            raise meaning(error, client.namespace) from None
    try:
        async with asyncio.timeout(VISIBLE_WITHIN.total_seconds()):
            while await missing(client):  # noqa: ASYNC110  # the server tells nobody when its cache is renewed
                await asyncio.sleep(0.2)
    except TimeoutError:
        what = "the server accepted the search attributes and does not show them yet; run the command again"
        raise ConnectivityFault("search_attributes", what) from None
    return added
