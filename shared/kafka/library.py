"""Functions of the client library with single names exchanged, for one client at a time."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any


def with_names(function: Any, **names: Any) -> Callable[..., Any]:
    """The library's function, which finds ours where it looks for these names of its module.

    So nothing changes for other clients of the process. Raises TypeError when a release of the library does not use
    such a name any more.
    """
    if unknown := names.keys() - set(function.__code__.co_names):
        raise TypeError(f"{function.__qualname__} of this aiokafka does not use {', '.join(sorted(unknown))}")
    given = {**function.__globals__, **names}
    changed = FunctionType(function.__code__, given, function.__name__, function.__defaults__, function.__closure__)
    changed.__kwdefaults__ = function.__kwdefaults__
    return changed
