"""The one error of the local stack, and what to do about the usual reasons for it."""

from __future__ import annotations

import re

_LAST_LINES = 8
_ADVICE = {
    "No space left on device": "The disk is full: free some space (the stack needs about 200 MB), or name a directory "
    "on another disk in GOODSTANDING_HOME.",
    "Cannot allocate memory|insufficient memory|Could not reserve enough space|OutOfMemoryError": "There is too little "
    "memory: the stack needs about 400 MB.",
    "Permission denied|Read-only file system": "Name a directory that you may write to in GOODSTANDING_HOME.",
    "incompatible with server": "The data were made by another version. If you do not need them, delete the directory.",
}


class ServersError(Exception):
    """A server could not be had. The message says why, and what to do next."""


def explain(what: str, said: str) -> ServersError:
    """An error that quotes the end of what a server or the system said, with our advice if we know that reason."""
    advice = [advice for pattern, advice in _ADVICE.items() if re.search(pattern, said)]
    return ServersError("\n".join([f"{what}:", *said.splitlines()[-_LAST_LINES:], *advice]))
