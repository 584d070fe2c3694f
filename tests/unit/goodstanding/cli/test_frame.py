"""How a command ends that somebody interrupts."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
import typer

from goodstanding.cli.frame import stops_politely


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_no_task_is_hit_by_the_interrupt(number: signal.Signals, capfd: pytest.CaptureFixture[str]) -> None:
    """A library's task may be what runs when the signal comes."""
    ended = []

    async def library() -> None:
        try:
            os.kill(os.getpid(), number)
            await asyncio.sleep(60)  # it is interrupted, and never gets there
        except BaseException as error:
            ended.append(type(error))
            raise

    async def command() -> None:
        tasks = [asyncio.create_task(library())]
        await asyncio.sleep(60)  # it is interrupted, and never gets there
        await asyncio.gather(*tasks)

    with pytest.raises(typer.Exit) as exit, stops_politely("Stopped."):
        asyncio.run(command())
    assert exit.value.exit_code == 130
    assert ended == [asyncio.CancelledError]
    assert capfd.readouterr().err == "Stopped.\n"


def test_without_a_loop_it_is_an_exception(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), stops_politely("Stopped."):
        os.kill(os.getpid(), signal.SIGINT)
    assert capfd.readouterr().err == "Stopped.\n"
