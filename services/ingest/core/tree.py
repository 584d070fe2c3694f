"""Which paths a body may have, and a body as one flat dictionary from path to value: strict in one pass."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from shared.contracts.demographics import is_demographic
from shared.contracts.faults import Code, Fault
from shared.contracts.texts import is_visible

Flat: TypeAlias = dict[str, Any]
"""Values by path, and under names with `@` what is known besides: attributes of the envelope (`@id`, `@time`, `@type`,
`@subject`) and the `@prefix` of their names, the `@person`, and the `@latest` instant that nothing may lie after."""
Tree: TypeAlias = dict[str, "Tree | str | tuple[()]"]
"""Names to subtrees, to paths, to IGNORED, or to PASSED_OVER."""

IGNORED = ""
PASSED_OVER = ()
"""An object or a list that is passed over with all that it holds."""
MISSING = "The field must be there. Look for another spelling, in the event or in the mapping, and for an empty value."
_UNREAD = "The mapping neither reads nor ignores this field: mend its name, leave it out, or have it ignored."
_NAME = re.compile(r"[^\W\d][\w-]{0,39}")
_NAME_DIGITS_MAX = 4


class Refuse(Exception):  # noqa: N818  # it is an outcome on its way to `normalize`, not an error of the program
    """Ends the reading of an event with the fault that it is refused for."""

    def __init__(self, code: Code, field: str, sentence: str) -> None:
        super().__init__(code)
        self.fault = Fault(code, field, sentence)


def refused(fault: Fault) -> Refuse:
    return Refuse(fault.code, fault.field, fault.sentence)


def build(paths: Iterable[str], ignored: Iterable[str], below: Iterable[str] = (), *, nested: bool = True) -> Tree:
    """The tree of these paths, of what is ignored and of what is passed over with all `below` it. Columns are not
    `nested`. Raises ValueError, with the path, where one is a part of another."""
    tree: Tree = {}
    leaves: list[tuple[str, str | tuple[()]]] = [(path, path) for path in paths]
    leaves += [(path, IGNORED) for path in ignored]
    leaves += [(path, PASSED_OVER) for path in below]
    for path, leaf in leaves:
        *parents, name = path.split(".") if nested else [path]
        node = tree
        for parent in parents:
            inner = node.setdefault(parent, {})
            if not isinstance(inner, dict):
                raise ValueError(path)
            node = inner
        if node.setdefault(name, leaf) != leaf:
            raise ValueError(path)
    return tree


def flatten(tree: Tree, body: dict[str, Any], flat: Flat, parent: str) -> None:
    """Put every value of the body into `flat`. Raises Refuse for what the tree does not have (rules E12), with `parent`
    before its name."""
    for name, value in body.items():
        node = tree.get(name)
        if type(node) is str:
            if node:
                flat[node] = value
            elif type(value) is dict or type(value) is list:
                # Nothing is passed over unseen: what an object holds must be listed too.
                raise Refuse(Code.WRONG_TYPE, parent + name, "A plain value is expected here, no object or list.")
        elif node is None:
            raise Refuse(Code.UNKNOWN_FIELD, parent + printable(name), _UNREAD)
        elif node is PASSED_OVER:
            if fault := demographic({name: value}, parent):
                raise refused(fault)
        elif type(value) is not dict:
            raise Refuse(Code.NOT_AN_OBJECT, parent + name, "A JSON object is expected here.")
        else:
            assert isinstance(node, dict), "every other node is decided above"
            flatten(node, value, flat, f"{parent}{name}.")


def at(path: str) -> Callable[[dict[str, Any]], Any]:
    """Reads one value of a body whose fields are not checked yet; None where it is absent."""
    first, *rest = path.split(".")

    def read(body: dict[str, Any]) -> Any:
        value = body.get(first)
        for name in rest:
            value = value.get(name) if type(value) is dict else None
        return value

    return read


def demographic(body: Any, parent: str) -> Fault | None:
    """The fault of a body with a field, however deep, for what is never taken (rules E9)."""
    for path in _paths(body, ()):
        if is_demographic(".".join(path[-2:])):
            sentence = f"{Code.DEMOGRAPHIC.meaning} Leave the field out."
            return Fault(Code.DEMOGRAPHIC, parent + ".".join(map(printable, path)), sentence)
    return None


def _paths(value: Any, parents: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    # strict_json has bounded the nesting.
    if isinstance(value, dict):
        for name, inner in value.items():
            yield (*parents, name)
            yield from _paths(inner, (*parents, name))
    elif isinstance(value, list):
        for inner in value:
            yield from _paths(inner, parents)


def printable(name: str) -> str:
    """A name as the sender wrote it, if it can be no identifier, which would have many digits; else `?`."""
    # Chinese numerals are letters, and numeric.
    is_name = _NAME.fullmatch(name) and is_visible(name) and sum(map(str.isnumeric, name)) <= _NAME_DIGITS_MAX
    return name if is_name else "?"


def object_(body: Any, label: str) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise Refuse(Code.NOT_AN_OBJECT, label, "A JSON object is expected here.")
    return body
