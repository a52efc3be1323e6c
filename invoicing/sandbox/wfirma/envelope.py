"""One tree, two spellings: how requests are read and answers written, in JSON and in XML.

In JSON the records of a list sit under number keys, each below its own name, and a request may also spell a list as a
single object or as an array of named objects; a body without those names is not understood. In XML the root is ``api``.
Scalars of an answer are strings, ids of relations are numbers. Source: wFirma API v2, general chapter, and recorded
traffic.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

SINGULAR = {
    "invoices": "invoice",
    "invoicecontents": "invoicecontent",
    "vat_contents": "vat_content",
    "contractors": "contractor",
    "series": "series",
    "vat_codes": "vat_code",
    "user_companies": "user_company",
    "payments": "payment",
    "translation_languages": "translation_language",
    "errors": "error",
    "parameters": "parameter",
    "conditions": "condition",
    "and": "condition",
    "or": "condition",
    "not": "condition",
    "fields": "field",
}
"""Lists and the name of each of their records."""

Tree = dict[str, Any]


class Format(StrEnum):
    """Spellings of ``inputFormat`` and ``outputFormat``."""

    XML = "xml"
    JSON = "json"


class NotUnderstood(ValueError):
    """The request cannot be read; wFirma says INPUT ERROR."""


@dataclass(frozen=True)
class Reply:
    """An answer before it is spelled."""

    code: str = "OK"
    module: str = ""
    records: tuple[Mapping[str, Any], ...] = ()
    parameters: Mapping[str, str] | None = None
    message: str = ""
    content: bytes | None = field(default=None, repr=False)


def read(body: bytes, spelling: Format) -> Tree:
    """The tree below the root; an empty body is an empty tree."""
    if not body.strip():
        return {}
    if spelling is Format.XML:
        return _read_xml(body)
    try:
        tree = json.loads(body, parse_float=str, parse_int=str)
    except ValueError:
        raise NotUnderstood("the body is not JSON") from None
    if not isinstance(tree, dict):
        raise NotUnderstood("the body is not an object")
    return tree


def _read_xml(body: bytes) -> Tree:
    try:
        root = fromstring(body)
    except (ParseError, DefusedXmlException, ValueError):
        raise NotUnderstood("the body is not XML") from None
    if root.tag != "api":
        raise NotUnderstood("the root is not api")
    return {child.tag: _branch(child) for child in root}


def _branch(element: Element) -> Any:
    if len(element) == 0:
        return (element.text or "").strip()
    singular, tree, number = SINGULAR.get(element.tag), Tree(), 0
    for child in element:
        if child.tag == singular:
            tree[str(number)] = {singular: _branch(child)}
            number += 1
        else:
            tree[child.tag] = _branch(child)
    return tree


def entries(value: Any, plural: str) -> list[Any]:
    """The records of a list in any accepted spelling; other keys beside the numbers are passed over."""
    singular = SINGULAR[plural]
    if isinstance(value, dict) and singular in value:
        return _flat(value[singular])
    parts = value if isinstance(value, list) else []
    if isinstance(value, dict):
        parts = [value[key] for key in sorted((key for key in value if key.isdigit()), key=int)]
    found = []
    for part in parts:
        if not isinstance(part, dict) or singular not in part:
            raise NotUnderstood(f"a record of {plural} lacks its name")
        found += _flat(part[singular])
    return found


def _flat(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def records(tree: Tree, module: str) -> list[Tree]:
    """The records of the module that a request is about."""
    found = entries(tree.get(module), module)
    if not all(isinstance(record, dict) for record in found):
        raise NotUnderstood(f"a record of {module} has no fields")
    return found


def text(value: Any) -> str:
    """A scalar of a request as text; a branch has none."""
    if isinstance(value, bool):
        return str(int(value))
    return str(value).strip() if isinstance(value, str | int | Decimal) else ""


def relation(record: Mapping[str, Any], name: str) -> str:
    """The id of a related record, written as ``name{id}`` or ``name_id``; empty when unset."""
    branch = record.get(name)
    found = text(branch.get("id") if isinstance(branch, dict) else record.get(f"{name}_id"))
    return "" if found == "0" else found


def write(reply: Reply, spelling: Format) -> bytes:
    """The whole answer."""
    status = {"code": reply.code, **({"message": reply.message} if reply.message else {})}
    branch: Tree = {}
    if reply.module:
        branch = {
            reply.module: {"": list(reply.records), **({"parameters": reply.parameters} if reply.parameters else {})}
        }
    if spelling is Format.JSON:
        return json.dumps({**_spelled(branch), "status": status}, ensure_ascii=False).encode()
    root = Element("api")
    for module, content in branch.items():
        _append(root, module, content)
    _append(root, "status", status)
    written: bytes = tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + written


def _spelled(value: Any, name: str = "") -> Any:
    if isinstance(value, list):
        return {str(number): {SINGULAR[name]: _spelled(item)} for number, item in enumerate(value)}
    if not isinstance(value, Mapping):
        return value
    if "" in value:
        return {**_spelled(value[""], name), **{key: _spelled(item, key) for key, item in value.items() if key}}
    return {key: _spelled(item, key) for key, item in value.items()}


def _append(parent: Element, name: str, value: Any) -> None:
    branch = SubElement(parent, name)
    if isinstance(value, list):
        value = {"": value}
    if not isinstance(value, Mapping):
        branch.text = str(value)
        return
    for key, item in value.items():
        for part in item if key == "" else [item]:
            _append(branch, key or SINGULAR[name], part)
