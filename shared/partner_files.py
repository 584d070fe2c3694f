"""The files of a directory of partners: each `<name>.toml` is a partner, and its name is part of three topics' names.

This is the only place that lists them, so that the services, the command line and the tool that creates topics agree.
"""

from __future__ import annotations

from pathlib import Path

from shared.contracts.topics import topics
from shared.toml_file import ConfigError


def partner_files(directory: Path) -> list[Path]:
    """The partners' files, by name. Hidden files, which editors and file systems leave behind, are passed over.

    Raises ConfigError for a file whose name no topic can carry, and for what is no file.
    """
    files = sorted(file for file in directory.glob("*.toml") if not file.name.startswith("."))
    for file in files:
        check_file(file)
    return files


def check_file(file: Path) -> None:
    """Raises ConfigError for a file whose name no topic can carry, and for what is no file: whoever opens a pipe waits
    until somebody writes into it."""
    check_name(file)
    if file.exists() and not file.is_file():
        raise ConfigError(file, 1, "", "It is a directory, a pipe or a device. Move it out of the partners' directory.")


def check_name(file: Path) -> None:
    """Raises ConfigError for a file whose name no topic can carry."""
    try:
        topics([file.stem])
    except ValueError:
        sentence = (
            "A partner's file is named with lower-case letters, digits and hyphens, at most 40 of them, the first "
            "a letter: my-bank.toml. Rename the file, or move it out of the directory of the partners."
        )
        raise ConfigError(file, 1, "", sentence) from None


def partner_names(directory: Path) -> list[str]:
    """The names of the partners. Raises ConfigError as `partner_files`."""
    return [file.stem for file in partner_files(directory)]
