"""Fingerprints of workflows: the commands that each function gives, in their order, read from the source.

`python -m tests.replay.fingerprints` writes the baseline anew, and refuses when a change is not behind a patch that the
baseline does not know: open runs would not replay. `--anyway` is for code that no run can have reached yet.
What counts: activities, timers, upserts, continuing as new, children, patches, calls of functions that give any of
them, and the branches and ends of functions around them.
"""

from __future__ import annotations

import ast
import difflib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BASELINE = Path(__file__).with_name("fingerprints.json")

COMMANDS = {
    "sleep": "timer",
    "upsert_search_attributes": "upsert search attributes",
    "upsert_memo": "upsert memo",
    "continue_as_new": "continue as new",
    "execute_child_workflow": "child workflow",
    "start_child_workflow": "child workflow",
    "uuid4": "random",
    "random": "random",
}
"""Functions of `temporalio.workflow` that give a command, or draw from the seed of the run."""

ACTIVITIES = ("execute_activity", "start_activity", "execute_local_activity", "start_local_activity")
HANDLERS = ("run", "signal", "update", "query")

INSTRUCTIONS = """
Open runs would not replay on this code. Put the change behind `if workflow.patched("name"):` and leave the old way in
`else` (docs/operations.md, "Changing a workflow"); then run `python -m tests.replay.fingerprints`, and record histories
that take the new way with `python -m tests.replay.record NAME`. Only where no open run can have come to this code, or
the commands are the same after all, `python -m tests.replay.fingerprints --anyway` takes it as it is."""


@dataclass(frozen=True)
class Fingerprints:
    """What each function does, and the patches that are known."""

    functions: Mapping[str, list[str]]
    patches: frozenset[str]


def sources(root: Path = ROOT) -> dict[str, str]:
    """Every module of workflows."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted((root / "workflows").glob("*.py"))}


def patches_in(code: Mapping[str, str]) -> frozenset[str]:
    """Ids of every patch that the code asks for."""
    found = set()
    for text in code.values():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and _of_workflow(node.func) in {"patched", "deprecate_patch"}:
                found.add(_named(node, constants(code)))
    return frozenset(found)


def constants(code: Mapping[str, str]) -> dict[str, str]:
    """Texts that modules give a name, as `module.NAME`."""
    return {
        f"{module}.{target.id}": str(node.value.value)
        for module, text in code.items()
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _named(call: ast.Call, known: Mapping[str, str]) -> str:
    """The id of a patch: a literal, or a constant of another module."""
    said = call.args[0]
    return str(said.value) if isinstance(said, ast.Constant) else known[ast.unparse(said)]


def extracted(code: Mapping[str, str], patches: frozenset[str]) -> dict[str, list[str]]:
    """What each function does as long as only these patches are taken; other ones are read as not taken."""
    functions, known = dict(_functions(code)), constants(code)
    bearing: set[str] = set()
    while True:  # until no more function is found to give commands through another one
        found = {
            name.rpartition(".")[2]
            for name, node in functions.items()
            if any(line.strip().startswith(_TELLING) for line in _Reader(bearing, patches, known).body(node.body))
        }
        if found <= bearing:
            break
        bearing |= found
    told = {}
    for name, node in functions.items():
        head = [f"{kind} handler" for kind in _handlers(node)]
        body = _Reader(bearing, patches, known).body(node.body) if name.rpartition(".")[2] in bearing else []
        if head or body:
            told[name] = head + body
    return told


_TELLING = ("activity ", "timer", "upsert", "continue as new", "child", "random", "patch", "uses ")


def _functions(code: Mapping[str, str]) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for module, text in code.items():
        for node in ast.parse(text).body:
            inner = node.body if isinstance(node, ast.ClassDef) else [node]
            within = f"{module}.{node.name}" if isinstance(node, ast.ClassDef) else module
            for one in inner:
                if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{within}.{one.name}", one


def _handlers(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    named = [one.func if isinstance(one, ast.Call) else one for one in node.decorator_list]
    return [name for one in named if (name := _of_workflow(one)) in HANDLERS and name is not None]


def _of_workflow(node: ast.expr) -> str | None:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "workflow":
        return node.attr
    return None


@dataclass
class _Reader:
    """Reads statements into lines."""

    bearing: set[str]
    patches: frozenset[str]
    known: Mapping[str, str]

    def body(self, statements: Iterable[ast.stmt]) -> list[str]:
        lines: list[str] = []
        for statement in statements:
            lines += self.statement(statement)
        return lines

    def statement(self, node: ast.stmt) -> list[str]:
        match node:
            case ast.If():
                return self.branch(node)
            case ast.While():
                return self.block(f"while {ast.unparse(node.test)}:", node.test, node.body)
            case ast.For() | ast.AsyncFor():
                return self.block(f"for {ast.unparse(node.iter)}:", node.iter, node.body)
            case ast.With() | ast.AsyncWith():
                return [line for item in node.items for line in self.expression(item.context_expr)] + self.body(
                    node.body
                )
            case ast.Try():
                lines = self.block("try:", None, node.body)
                for handler in node.handlers:
                    caught = ast.unparse(handler.type) if handler.type else ""
                    lines += self.block(f"except {caught}:", None, handler.body)
                return lines + self.block("finally:", None, node.finalbody)
            case ast.Match():
                lines = self.expression(node.subject)
                for case in node.cases:
                    guard = f" if {ast.unparse(case.guard)}" if case.guard else ""
                    lines += self.block(f"case {ast.unparse(case.pattern)}{guard}:", None, case.body)
                return lines
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return self.block(f"def {node.name}:", None, node.body, always=False)
            case ast.Return():
                return [*self.expression(node.value), "return"]
            case ast.Raise():
                return [*self.expression(node.exc), "raise"]
            case ast.Break() | ast.Continue():
                return [type(node).__name__.lower()]
            case _:
                return [
                    line
                    for child in ast.iter_child_nodes(node)
                    if isinstance(child, ast.expr)
                    for line in self.expression(child)
                ]

    def branch(self, node: ast.If) -> list[str]:
        test = self.settled(node.test)
        if isinstance(test, bool):
            return self.body(node.body if test else node.orelse)
        return self.block(f"if {ast.unparse(test)}:", test, node.body) + self.block("else:", None, node.orelse)

    def settled(self, test: ast.expr) -> ast.expr | bool:
        """A condition as it is for runs that have no patch but the known ones."""
        match test:
            case ast.Call() if _of_workflow(test.func) == "patched" and _named(test, self.known) not in self.patches:
                return False
            case ast.UnaryOp(op=ast.Not()):
                inner = self.settled(test.operand)
                return not inner if isinstance(inner, bool) else test
            case ast.BoolOp():
                ends = isinstance(test.op, ast.Or)  # the value that decides the whole
                parts = [self.settled(value) for value in test.values]
                if ends in [part for part in parts if isinstance(part, bool)]:
                    return ends
                left = [part for part in parts if not isinstance(part, bool)]
                return (left[0] if len(left) == 1 else ast.BoolOp(test.op, left)) if left else not ends
        return test

    def block(
        self, head: str, test: ast.expr | None, statements: Iterable[ast.stmt], *, always: bool = True
    ) -> list[str]:
        inner = [f"  {line}" for line in self.body(statements)]
        if not always and not any(line.strip().startswith(_TELLING) for line in inner):
            return []
        return [*self.expression(test), head, *inner] if inner else self.expression(test)

    def expression(self, node: ast.expr | None) -> list[str]:
        if node is None:
            return []
        lines: list[str] = []
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                lines += self.expression(child)
            elif isinstance(child, ast.keyword | ast.comprehension):
                inner = child.value if isinstance(child, ast.keyword) else child.iter
                lines += self.expression(inner)
        match node:
            case ast.Call():
                lines += self.call(node)
            case ast.Attribute(value=ast.Name(id=owner)) if owner.endswith("Activities"):
                lines.append(f"activity {node.attr}")
            case ast.Attribute() if node.attr in self.bearing:
                lines.append(f"uses {node.attr}")
            case ast.Name() if node.id in self.bearing:
                lines.append(f"uses {node.id}")
        return lines

    def call(self, node: ast.Call) -> list[str]:
        name = _of_workflow(node.func)
        if name is None:
            return []
        if name.removesuffix("_method") in ACTIVITIES:
            handed = isinstance(node.args[0], ast.Name)
            local = "local " if "local" in name else ""
            return [f"activity that was handed in{local and ', local'}"] if handed else [local] if local else []
        if name == "wait_condition":
            return ["timer, unless the condition comes first"] if any(k.arg == "timeout" for k in node.keywords) else []
        if name in {"patched", "deprecate_patch"}:
            return [f"patch {ast.unparse(node.args[0])}"]
        return [COMMANDS[name]] if name in COMMANDS else []


def today(root: Path = ROOT) -> Fingerprints:
    """Of the code in this folder, every patch taken as known."""
    code = sources(root)
    patches = patches_in(code)
    return Fingerprints(extracted(code, patches), patches)


def read() -> Fingerprints:
    """The committed baseline."""
    document = json.loads(BASELINE.read_text(encoding="utf-8"))
    return Fingerprints(document["functions"], frozenset(document["patches"]))


def unguarded(code: Mapping[str, str], baseline: Fingerprints) -> str | None:
    """What has changed for runs that are open, function by function; None when nothing has."""
    now = extracted(code, baseline.patches)
    told = []
    for name in sorted(set(now) | set(baseline.functions)):
        before, after = baseline.functions.get(name, []), now.get(name, [])
        if before != after:
            lines = difflib.unified_diff(before, after, "committed", "today", lineterm="", n=2)
            told.append(f"workflows: {name}\n" + "\n".join(lines))
    return "\n\n".join(told) + "\n" + INSTRUCTIONS if told else None


def main(arguments: list[str]) -> int:
    """Write the baseline."""
    if BASELINE.exists() and arguments != ["--anyway"] and (fault := unguarded(sources(), read())):
        print(fault, file=sys.stderr)
        return 1
    found = today()
    document = {"patches": sorted(found.patches), "functions": dict(sorted(found.functions.items()))}
    BASELINE.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{BASELINE.name}: {len(found.functions)} functions, {len(found.patches)} patches")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
