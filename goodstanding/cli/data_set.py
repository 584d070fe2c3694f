"""A public data set named on the command line, for `demo --real`, `backtest` and `policy fit`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from goodstanding.errors import UserError
from goodstanding.simulation.real_data.adapters import adapters
from goodstanding.simulation.real_data.source import Source

DataFile = Annotated[Path, typer.Option("--data", metavar="FILE", help="The data set, of the adapter's shape.")]
AdapterName = Annotated[
    str, typer.Option("--adapter", metavar="NAME", help=f"How it is read: {', '.join(adapters())}.")
]


def source_of(file: Path, adapter: str) -> Source:
    """Raises typer.BadParameter for an unknown adapter, UserError or DataError for the file."""
    if adapter not in adapters():
        raise typer.BadParameter(f"There is no adapter {adapter}; say one of: {', '.join(adapters())}.")
    try:
        return adapters()[adapter](file)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no such file"
        raise UserError(f"{file} cannot be read: {reason}.", "Name a file with --data.") from None
