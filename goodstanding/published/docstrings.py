"""What the code says of its types, for those who read no code: docstrings of classes and of their fields."""

from __future__ import annotations

import ast
import inspect
from functools import cache
from textwrap import dedent


def of_class(cls: type) -> str:
    """The class's own docstring on one line; empty where it has none."""
    return one_line(cls.__dict__.get("__doc__") or "")


def of_fields(cls: type) -> dict[str, str]:
    """The texts below the fields, by the fields' names; those of a base class where a class says nothing."""
    found: dict[str, str] = {}
    for each in reversed(cls.__mro__):
        if each.__module__.startswith(("services.", "shared.")):
            found |= _own(each)
    return found


@cache
def _own(cls: type) -> dict[str, str]:
    [node] = ast.parse(dedent(inspect.getsource(cls))).body
    assert isinstance(node, ast.ClassDef)
    found = {}
    for field, text in zip(node.body, node.body[1:], strict=False):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                found[name] = one_line(words)
    return found


def one_line(text: str) -> str:
    """The words of a text, however its lines are broken and indented."""
    return " ".join(text.split())
