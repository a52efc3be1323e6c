"""Reading XML that somebody else wrote: everything is text, nothing is fetched, nothing expands.

Guarantee: size is checked before parsing; documents with a DTD, an entity declaration, text beside child elements, deep
nesting or a repeated hash are unreadable (None). Leaf texts are handed on exactly as written, because the hash is taken
over them: `20.00` stays `20.00`. Source: Autopay manual, "hashing" and "itn" (leaves in document order).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import ParseError  # the error class that defusedxml's parser raises

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

ANSWER_LIMIT = 256 * 1024
"""A status answer holds at most 50 transactions of about 1.5 KB, a channel list about as much."""

DEEPEST = 8
MOST_ELEMENTS = 2_500
"""A status answer of fifty transactions has about 1,500; a flood of tiny elements costs more time than its size."""


@dataclass(slots=True)
class Node:
    """An element: a leaf with a text, or a parent of others."""

    name: str
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def leaves(self) -> Iterator[Node]:
        """Non-empty leaves, depth first, in document order. Whitespace between tags is no value."""
        if self.children:
            for child in self.children:
                yield from child.leaves()
        elif self.text.strip():
            yield self

    def only(self, name: str) -> str | None:
        """Text of the one child of that name; None when there is none, when it is empty, or when there are two."""
        found = [child for child in self.children if child.name == name]
        if len(found) != 1 or found[0].children or not found[0].text.strip():
            return None
        return found[0].text

    def all(self, name: str) -> list[Node]:
        """Every descendant of that name, in document order."""
        found: list[Node] = []
        for child in self.children:
            found += [child] if child.name == name else []
            found += child.all(name)
        return found


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed message: its root without the hash, and the hash that was beside its content."""

    root: Node
    hash: str | None

    def values(self) -> tuple[str, ...]:
        """What the hash is taken over."""
        return tuple(leaf.text for leaf in self.root.leaves())


class _Unreadable(ValueError):
    """Leaves this module only as None."""


class _Tree:
    """Parser target that builds nodes; comments and processing instructions have no part in a message."""

    def __init__(self) -> None:
        self._open = [Node("")]
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) > DEEPEST or self._count > MOST_ELEMENTS:
            raise _Unreadable
        node = Node(name)
        self._open[-1].children.append(node)
        self._open.append(node)

    def data(self, text: str) -> None:
        self._open[-1].text += text

    def end(self, name: str) -> None:
        node = self._open.pop()
        if node.children and node.text.strip():
            raise _Unreadable

    def close(self) -> Node:
        return self._open[0].children[0]


def parse(body: bytes, limit: int) -> Document | None:
    """The message in these bytes, or None when it is too large or must not be read."""
    if len(body) > limit:
        return None
    try:
        parser = DefusedXMLParser(target=_Tree(), forbid_dtd=True, forbid_entities=True, forbid_external=True)
        parser.feed(body)
        root: object = parser.close()
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return None
    if not isinstance(root, Node):
        return None
    hashes = [child for child in root.children if child.name == "hash"]
    if len(hashes) > 1:
        return None
    root.children = [child for child in root.children if child.name != "hash"]
    return Document(root, hashes[0].text.strip() or None if hashes else None)
