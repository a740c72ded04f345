"""Several programs run as one: started together, started again when one falls over, stopped together.

Every child gets its own session, so that a Ctrl-C in the terminal reaches only us and each child hears exactly one
SIGTERM, on which all of ours finish what they have begun. Should we be killed, the kernel tells the children (Linux).
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType

GRACE_SECONDS = 25.0  # container platforms kill after 30
QUICK_SECONDS = 10.0  # whoever stops sooner than this after its start has failed to start
QUICK_STOPS = 5  # so many of them in a row, and we give up
TICK_SECONDS = 0.2
ECHO_SECONDS = 0.5  # signals this close to the first are the same request

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class GaveUpError(Exception):
    """A child can't be kept running; the message says which."""


class StoppedError(Exception):
    """A stop was asked for before anything ran."""


@dataclass(frozen=True)
class Program:
    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    pass_fds: Sequence[int] = ()


@dataclass
class Child:
    """A program and how it fares. `process` is None while it waits for its next start."""

    program: Program
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    start_again_at: float = 0.0
    quick_stops: int = 0


@dataclass
class StopRequest:
    """What the signals have asked for so far."""

    made_at: float | None = None
    hurried: bool = False

    @property
    def made(self) -> bool:
        return self.made_at is not None

    def check(self) -> None:
        """Between two steps of what has to be prepared first. StoppedError: there is no need to go on."""
        if self.made:
            raise StoppedError

    def hear(self, number: int, _frame: FrameType | None) -> None:
        """Only a second Ctrl-C hurries. One request may come twice: from the terminal, and passed on by `uv run`."""
        now = time.monotonic()
        if self.made_at is None:
            self.made_at = now
        elif number == signal.SIGINT and now - self.made_at > ECHO_SECONDS:
            self.hurried = True


def hear_stop_signals() -> StopRequest:
    """From now on SIGINT, SIGTERM and SIGHUP no longer end this process but ask for its end."""
    stop = StopRequest()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup means it
            signal.signal(number, stop.hear)
    return stop


def say(sentence: str) -> None:
    """One line for whoever started us. They may have left, and the terminal with them: that must not end us."""
    with contextlib.suppress(OSError):
        sys.stdout.write(sentence + "\n")
        sys.stdout.flush()


def run_together(
    programs: Sequence[Program],
    stop: StopRequest,
    *,
    each_tick: Callable[[], None] = lambda: None,
    grace: float = GRACE_SECONDS,
) -> None:
    """Run the programs until a stop is asked for. GaveUpError when one of them can't be kept running."""
    children = [Child(program) for program in programs]
    try:
        while not stop.made:
            for child in children:
                _keep_running(child)
            each_tick()
            time.sleep(TICK_SECONDS)
        say("Stopping. What has begun may finish; press Ctrl-C again to stop at once.")
    finally:
        _stop_all([child.process for child in children if child.process], stop, grace)


def _keep_running(child: Child) -> None:
    now = time.monotonic()
    if child.process is None:
        if now >= child.start_again_at:
            child.process, child.started_at = _start(child.program), now
        return
    code = child.process.poll()
    if code is None:
        return
    _kill_group(child.process)
    child.process = None
    child.quick_stops = child.quick_stops + 1 if now - child.started_at < QUICK_SECONDS else 1
    name = child.program.name
    if child.quick_stops == QUICK_STOPS:
        raise GaveUpError(f"The {name} stopped {QUICK_STOPS} times right after its start. Its last words are above.")
    wait = 2 ** (child.quick_stops - 1)
    child.start_again_at = now + wait
    say(f"The {name} stopped by itself ({_reason(code)}) and starts again in {wait} s.")


def _reason(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _start(program: Program) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - the commands are our own
        program.command,
        env=program.environment,
        pass_fds=program.pass_fds,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_stop_with_us(),  # noqa: PLW1509 - we have no threads
    )


def _stop_with_us() -> Callable[[], None] | None:
    """What a child does before its program starts: ask the kernel for a SIGTERM at our death."""
    libc, us = _libc, os.getpid()
    if libc is None:
        return None

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != us:  # we died before it could ask
            os._exit(1)

    return ask


def _stop_all(processes: "Sequence[subprocess.Popen[bytes]]", stop: StopRequest, grace: float) -> None:
    """SIGTERM once to each; SIGKILL to whoever, or whose children, are left after the grace period."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + grace
    while any(process.poll() is None for process in processes):
        if stop.hurried or time.monotonic() > deadline:
            break
        time.sleep(TICK_SECONDS)
    for process in processes:
        _kill_group(process)
        process.wait()


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
