"""Becomes a server: takes its own session, steps down from root, ties its life to its parent's, and executes it.

Run as a script in an interpreter of its own, because what it does between fork and exec is not safe to do in a
program that has threads. Nothing may be imported here that is not in the standard library.

Arguments: the parent to die with (0: none), user and group (-1: unchanged), the working directory, then the command.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when `parent` ends in any way. Linux only; elsewhere nothing happens.

    The signal is SIGKILL, since a server that stands still (SIGSTOP) would never act on another one. Both servers
    are made to survive it.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the parent was gone before the server started")


def _reset_signals() -> None:
    """Undo what this interpreter, or a shell that put us in the background, has set: execution passes it on."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGTERM, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def main() -> None:
    parent, user, group = map(int, sys.argv[1:4])
    directory, *command = sys.argv[4:]
    _reset_signals()
    os.setsid()  # else the interrupt typed at a terminal reaches the servers before the parent has drained
    os.umask(0o077)
    os.chdir(directory)
    if user >= 0:
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
    if parent:
        _die_with(parent)  # after the change of user, which would clear it
    os.execv(command[0], command)


main()
