"""Processes that outlast the object, or even the program, that started them.

A `Process` can be written down and found again: its number alone could by then belong to somebody else, so the
instant of its start is part of its name.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pwd
import queue
import select
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

import msgspec
import psutil

from goodstanding.platform.servers.errors import ServersError

_KILL_TIMEOUT_S = 10.0


class Process(msgspec.Struct, frozen=True):
    """A process by its number and the instant it started (a text that only means something when compared)."""

    pid: int
    started: str


class Account(msgspec.Struct, frozen=True):
    """A user of the operating system."""

    uid: int
    gid: int


class Command(msgspec.Struct, frozen=True):
    """What to execute, where, and as whom (`None`: as who runs this). Nothing of our environment is passed on."""

    argv: Sequence[str]
    directory: Path
    log: Path
    account: Account | None = None


def current() -> Process:
    """This very process."""
    return _identify(psutil.Process())


def spawn(command: Command, *, attached: bool) -> Process:
    """Start the command in a session of its own, its output appended to the log.

    An attached one is killed by the kernel as soon as this program is gone (Linux), a detached one stays.
    """
    account = command.account or Account(uid=-1, gid=-1)
    launch = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launch.py"))]
    tie = [str(os.getpid() if attached else 0), str(account.uid), str(account.gid), str(command.directory)]
    # A server is to behave alike everywhere: PGPORT, JAVA_TOOL_OPTIONS, a locale and the like must not reach it.
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TMPDIR": str(command.directory)}
    start = functools.partial(_spawn, [*launch, *tie, *command.argv], environment, command.log)
    return _identify(psutil.Process(_in_lasting_thread(start)))


def run(command: Command, *, timeout_s: float) -> int:
    """Execute the command to its end and return its exit code; a negative one is the signal that ended it."""
    process = spawn(command, attached=True)
    try:
        return int(psutil.Process(process.pid).wait(timeout_s) or 0)
    except psutil.TimeoutExpired:
        kill(process)
        raise ServersError(f"{command.argv[0]} did not end within {timeout_s:.0f} s; see {command.log}") from None


def alive(process: Process) -> bool:
    """Whether this very process runs, not another one that got its number. One that waits to be reaped does not."""
    return _find(process) is not None


def wait_gone(process: Process, timeout_s: float) -> bool:
    """Wait until the process has ended; whether it did within the time.

    It may be nobody's child any more, so Linux is asked to tell of its end. To wait until its number is free, as psutil
    does, takes as long as the system's first process likes, which in a container can be seconds.
    """
    try:
        watched = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return True
    try:
        # By now the number may be another process's, whose end would say nothing.
        if not alive(process):
            return True
        end = select.poll()
        end.register(watched, select.POLLIN)
        end.poll(timeout_s * 1_000)
        # Looked at once more, so that a child of ours is reaped and its number is free when this returns.
        return not alive(process)
    finally:
        os.close(watched)


def send(process: Process, number: signal.Signals) -> None:
    """Send a signal to the process; nothing happens when it is gone."""
    if found := _find(process):
        _signal([found], number)


def kill(process: Process) -> None:
    """SIGKILL the process and all it has started, and return when they are gone."""
    if found := _find(process):
        family = [found, *_descendants(found)]
        members: list[Process] = []
        for member in family:
            with contextlib.suppress(psutil.Error, OSError):  # it has just ended by itself
                members.append(_identify(member))
        _signal(family, signal.SIGKILL)
        for process in members:
            wait_gone(process, _KILL_TIMEOUT_S)


def pause(process: Process) -> None:
    """Make the process and all it has started stand still. Connections to it stay open and silent."""
    if found := _find(process):
        _signal([found], signal.SIGSTOP)  # first, so that it starts no more
        _signal(_descendants(found), signal.SIGSTOP)


def resume(process: Process) -> None:
    """Let them go on."""
    if found := _find(process):
        _signal([*_descendants(found), found], signal.SIGCONT)


def unprivileged() -> Account | None:
    """The user that a server which refuses to run as root steps down to; `None` when we are not root."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise ServersError(
            "Postgres does not run as root, and there is no user `nobody` to step down to. "
            "Run this as another user, or add one: useradd --system nobody"
        ) from None
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def _spawn(argv: list[str], environment: Mapping[str, str], log: Path) -> int:
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawn(argv[0], argv, environment, file_actions=files)


_requests: queue.SimpleQueue[tuple[Callable[[], int], Future[int]]] = queue.SimpleQueue()


def _in_lasting_thread(start: Callable[[], int]) -> int:
    """Call `start` in a thread that lives as long as this program.

    The kernel counts a process orphaned when the *thread* that started it ends, and callers of ours start servers
    from pools.
    """
    _spawner()
    done: Future[int] = Future()
    _requests.put((start, done))
    return done.result()


@functools.cache
def _spawner() -> threading.Thread:
    def serve() -> None:
        while True:
            start, done = _requests.get()
            try:
                done.set_result(start())
            except OSError as error:
                done.set_exception(error)

    thread = threading.Thread(target=serve, name="spawner", daemon=True)
    thread.start()
    return thread


def _identify(process: psutil.Process) -> Process:
    return Process(pid=process.pid, started=_started(process))


def _started(process: psutil.Process) -> str:
    stat = Path(f"/proc/{process.pid}/stat")
    if stat.exists():
        # Clock ticks since boot. What psutil says is a time of day, and moves when somebody sets the clock.
        fields = stat.read_text().rpartition(")")[2].split()
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}:{fields[19]}"
    return repr(process.create_time())


def _find(process: Process) -> psutil.Process | None:
    try:
        found = psutil.Process(process.pid)
        if _started(found) != process.started:
            return None
        # While its other threads are still ending, a process has this status and keeps its ports.
        if found.status() == psutil.STATUS_ZOMBIE and found.num_threads() <= 1:
            found.wait(0)  # reaps it, if it was our child
            return None
    except (psutil.Error, OSError):
        return None
    return found


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended by itself
            process.send_signal(number)
