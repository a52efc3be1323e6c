"""The search behind every ``find``: conditions, groups, order, pages.

Conditions are joined by "and" unless a group says otherwise; texts are compared without regard to case, as the database
behind wFirma does. A page holds 20 records unless ``limit`` says otherwise, and nothing found is an answer, no error.
Source: wFirma API v2, "find".
"""

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from invoicing.sandbox.wfirma.envelope import NotUnderstood, Reply, Tree, entries, text

LIMIT = 20
LARGEST_LIMIT = 100


def find(module: str, model: str, records: Iterable[Tree], tree: Mapping[str, Any], ignore: bool = False) -> Reply:
    """The page that was asked for. With ``ignore`` the conditions are read and not obeyed."""
    branch = tree.get(module)
    asked = branch.get("parameters") if isinstance(branch, dict) else None
    parameters = asked if isinstance(asked, dict) else {}
    passes = _all(parameters.get("conditions"), model)
    found = [record for record in records if passes(record) or ignore]
    _sort(found, parameters.get("order"), model)
    limit = min(_whole(parameters.get("limit"), LIMIT), LARGEST_LIMIT)
    page = _whole(parameters.get("page"), 1)
    shown = found[(page - 1) * limit : page * limit]
    fields = [text(name).rpartition(".")[2] for name in entries(parameters.get("fields"), "fields")]
    if fields:
        shown = [{name: record[name] for name in record if name in fields} for record in shown]
    counted = {"limit": str(limit), "page": str(page), "total": str(len(found))}
    return Reply(module=module, records=tuple(shown), parameters=counted)


Test = Callable[[Mapping[str, Any]], bool]


def _all(conditions: Any, model: str) -> Test:
    tests = _tests(conditions, model)
    return lambda record: all(test(record) for test in tests)


def _tests(conditions: Any, model: str) -> list[Test]:
    tests = [_condition(item, model) for item in entries(conditions, "conditions")]
    if isinstance(conditions, dict):
        for group in ("and", "or", "not"):
            if group in conditions:
                inside = _tests_of_group(conditions[group], group, model)
                tests.append(_joined(inside, group))
    return tests


def _tests_of_group(content: Any, group: str, model: str) -> list[Test]:
    tests = [_condition(item, model) for item in entries(content, group)]
    if isinstance(content, dict):
        nested = {name: content[name] for name in ("and", "or", "not") if name in content}
        tests += _tests(nested, model)
    return tests


def _joined(tests: list[Test], group: str) -> Test:
    if group == "or":
        return lambda record: any(test(record) for test in tests)
    if group == "not":
        return lambda record: not all(test(record) for test in tests)
    return lambda record: all(test(record) for test in tests)


def _condition(item: Any, model: str) -> Test:
    if not isinstance(item, dict):
        raise NotUnderstood("a condition has field, operator and value")
    name, operator, value = text(item.get("field")), text(item.get("operator")) or "eq", text(item.get("value"))
    if operator not in OPERATORS:
        raise NotUnderstood("unknown operator")
    compare = OPERATORS[operator]
    return lambda record: compare(_value(record, name, model), value)


def _value(record: Mapping[str, Any], name: str, model: str) -> str:
    """A field of the record or of a related one: ``id_external``, ``Invoice.date``, ``ContractorDetail.nip``."""
    place, _, last = name.rpartition(".")
    branch: Any = record
    related = re.sub("(?<=[a-z])([A-Z])", r"_\1", place).lower()
    if related and related != model:
        branch = record.get(related)
    elif last not in record and last.endswith("_id"):
        branch, last = record.get(last.removesuffix("_id")), "id"
    if not isinstance(branch, Mapping) or last not in branch:
        raise NotUnderstood(f"unknown field {name}")
    return text(branch[last])


def _same(a: str, b: str) -> bool:
    return a.casefold() == b.casefold()


def _less(a: str, b: str) -> bool:
    try:
        return Decimal(a) < Decimal(b)
    except InvalidOperation:
        return a < b


def _like(a: str, b: str) -> bool:
    pattern = "".join({"%": ".*", "_": "."}.get(sign, re.escape(sign)) for sign in b)
    return re.fullmatch(pattern, a, re.IGNORECASE | re.DOTALL) is not None


OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "eq": _same,
    "ne": lambda a, b: not _same(a, b),
    "lt": _less,
    "gt": lambda a, b: _less(b, a),
    "le": lambda a, b: not _less(b, a),
    "ge": lambda a, b: not _less(a, b),
    "like": _like,
    "not like": lambda a, b: not _like(a, b),
    "is null": lambda a, b: a in ("", "0"),
    "is not null": lambda a, b: a not in ("", "0"),
    "in": lambda a, b: any(_same(a, item.strip()) for item in b.split(",")),
}


def _sort(found: list[Tree], order: Any, model: str) -> None:
    if not isinstance(order, dict):
        return
    for direction in ("asc", "desc"):
        if direction in order:
            found.sort(key=lambda record: _value(record, text(order[direction]), model), reverse=direction == "desc")


def _whole(written: Any, default: int) -> int:
    said = text(written)
    return max(int(said), 1) if said.isdigit() else default
