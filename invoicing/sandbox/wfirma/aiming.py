"""At what a fault switch may be aimed, and the validation refusal that one asks for."""

from invoicing.sandbox.wfirma import parties
from invoicing.sandbox.wfirma.books import Document
from invoicing.sandbox.wfirma.envelope import NotUnderstood, Reply, Tree, entries, records, text


def subject(operation: str, tree: Tree, document: Document | None) -> str:
    """What a fault switch may be aimed at: an id_external, or a contractor's NIP or name."""
    if document is not None:
        return document.id_external
    module = operation.partition("/")[0]
    branch = tree.get(module)
    parameters = branch.get("parameters") if isinstance(branch, dict) else None
    try:
        if isinstance(parameters, dict) and (asked := entries(parameters.get("conditions"), "conditions")):
            return text(asked[0].get("value")) if isinstance(asked[0], dict) else ""
        given = records(tree, module)[0]
    except (NotUnderstood, IndexError, KeyError):
        return ""
    return text(given.get("id_external") or given.get("nip") or given.get("name"))


def refused_field(module: str, given: Tree, path: str) -> Reply:
    """The validation refusal that a switch asks for: the input echoed, one error in the named branch."""
    *branches, name = path.split(".")
    echo: Tree = {key: text(value) for key, value in given.items() if not isinstance(value, dict | list)}
    wrong: Tree = {"errors": [parties.error(name, "Nieprawidłowa wartość.", "custom")]}
    if not branches:
        echo |= wrong
    elif branches[0] == "invoicecontents":
        contents = [dict(item) for item in entries(given.get("invoicecontents"), "invoicecontents")]
        at = int(branches[1])
        echo["invoicecontents"] = [
            {key: text(value) for key, value in content.items()} | (wrong if number == at else {})
            for number, content in enumerate(contents)
        ]
    else:
        echo[branches[0]] = wrong
    return Reply("ERROR", module, (echo,))
