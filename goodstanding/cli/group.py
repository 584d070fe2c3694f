"""A group of commands: its help, and what becomes of an error that a command lets out.

Exit codes: 0: done. 1: refused or failed, with a sentence on standard error that says what to do. 2: used wrongly
(typer's own).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from goodstanding.cli.frame import error_json, fail, wants_json
from goodstanding.errors import UserError

_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""Its module is private to typer; the class is what every wrong use of a command has in common."""


_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
"""What the operating system says of a disk that takes no more, whichever file it is that a command writes."""


_MAKE_ROOM = "Make room. What was to be done may be done all the same: look before you repeat it."


class Group(TyperGroup):
    """Answers an error that the user can act on with a sentence. Any other is a bug and keeps its traceback."""

    def main(self, args: Sequence[str] | None = None, *arguments: Any, **named: Any) -> Any:
        given = sys.argv[1:] if args is None else list(args)
        token = wants_json.set("--json" in given)
        # A library that logs has something to say to an operator's log, not to the person at the keyboard, who gets
        # one sentence. Without any handler Python prints what is logged as a warning.
        logging.getLogger().addHandler(logging.NullHandler())
        try:
            if not wants_json.get():
                return super().main(args, *arguments, **named)
            return self._main_in_json(given, *arguments, **named)
        except OSError as error:
            if error.errno not in _DISK:
                raise
            _leave_unsaid()
            with contextlib.suppress(typer.Exit):
                fail(f"{error.filename or 'The answer'} cannot be written: {error.strerror}.", _MAKE_ROOM)
            sys.exit(1)
        finally:
            wants_json.reset(token)

    def _main_in_json(self, args: Sequence[str], *arguments: Any, **named: Any) -> NoReturn:
        named["standalone_mode"] = False
        try:
            ended = super().main(args, *arguments, **named)
        except _UsageError as error:
            usage: Any = error
            error_json(usage.format_message(), "Its --help shows an example.")
            sys.exit(2)
        sys.exit(ended if isinstance(ended, int) else 0)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """All of each command's first sentence; typer cuts what is longer than the line."""
        rows = self.lines_of_help(ctx)
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def lines_of_help(self, ctx: Any) -> list[tuple[str, str]]:
        """Each command's name and first sentence."""
        return [(name, _first_sentence(self.get_command(ctx, name))) for name in self.list_commands(ctx)]

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            fail(error.sentence, error.advice)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except BrokenPipeError:  # `goodstanding tail scores | head`
            sys.stderr.close()
            raise typer.Exit(0) from None
        except (typer.Exit, typer.Abort, _UsageError):
            raise
        except (Exception, asyncio.CancelledError) as error:
            # What an error means its library knows, and a command that goes well does not wait for that import.
            from goodstanding.cli.failures import explain_failure

            explain_failure(error)
            raise


_SEVERAL = re.compile(r"\[(\[[A-Z]+\]\.\.\.)\]\.\.\.|\{([A-Z]+\.\.\.)\}\.\.\.")
"""How typer writes what may be said several times, and in it how we write it."""


class _Command(TyperCommand):
    """Help without the types of Python, and with one form for what may be said several times."""

    def get_help(self, ctx: Any) -> str:
        text = re.sub(r" <list\[[A-Za-z]+\]>", "", super().get_help(ctx))
        return _SEVERAL.sub(lambda found: found[1] or found[2], text)


class _Commands(typer.Typer):
    def command(self, name: str | None = None, **named: Any) -> Any:
        return super().command(name, **{"cls": _Command, **named})


def _leave_unsaid() -> None:
    """Python would try once more, when it ends, to write what waits for standard output."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _first_sentence(command: Any) -> str:
    text = " ".join((command.short_help or command.help or "").split("\n\n")[0].split())
    return re.split(r"(?<=\.) ", text)[0]


def commands(help: str, cls: type[Group] = Group) -> typer.Typer:
    """An empty group of commands."""
    return _Commands(
        cls=cls,
        help=help,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
