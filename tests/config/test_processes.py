"""Keeping programs running, with small ones instead of ours."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from licensesync.config import processes
from licensesync.config.processes import GaveUpError, Program, StopRequest, hear_stop_signals, run_together

OBEDIENT = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)


def program(source: str) -> Program:
    return Program("helper", [sys.executable, "-c", source], os.environ)


def after(seconds: float, action: Callable[[], None]) -> Callable[[], None]:
    due = time.monotonic() + seconds

    def tick() -> None:
        if time.monotonic() > due:
            action()

    return tick


def ask(stop: StopRequest) -> None:
    stop.hear(signal.SIGTERM, None)


@pytest.fixture(autouse=True)
def _others() -> None:
    """Children of this process that other tests have started, such as a browser."""
    OTHERS.clear()
    OTHERS.update(child.pid for child in psutil.Process().children(recursive=True))


OTHERS: set[int] = set()


def our_children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if child.pid not in OTHERS]


def test_stops_on_request() -> None:
    stop = StopRequest()
    run_together([program(OBEDIENT), program(OBEDIENT)], stop, each_tick=after(0.5, lambda: ask(stop)))
    assert not our_children()


def test_who_does_not_listen_is_killed_after_the_grace() -> None:
    stop, begun = StopRequest(), time.monotonic()
    run_together([program(STUBBORN)], stop, each_tick=after(1, lambda: ask(stop)), grace=1)
    assert not our_children()
    assert 2 <= time.monotonic() - begun < 10


def test_a_second_ctrl_c_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "ECHO_SECONDS", 0)
    stop, begun = StopRequest(), time.monotonic()

    def press_twice() -> None:
        stop.hear(signal.SIGINT, None)
        stop.hear(signal.SIGINT, None)

    run_together([program(STUBBORN)], stop, each_tick=after(1, press_twice), grace=60)
    assert not our_children()
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(("number", "echo_seconds"), [(signal.SIGTERM, 0), (signal.SIGINT, 60)])
def test_one_request_may_be_heard_twice(monkeypatch: pytest.MonkeyPatch, number: int, echo_seconds: float) -> None:
    monkeypatch.setattr(processes, "ECHO_SECONDS", echo_seconds)
    stop = StopRequest()
    stop.hear(number, None)
    stop.hear(number, None)
    assert (stop.made, stop.hurried) == (True, False)


def test_gives_up_on_who_keeps_falling_over(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(processes, "QUICK_STOPS", 2)
    with pytest.raises(GaveUpError, match="The helper stopped 2 times right after its start"):
        run_together([program(OBEDIENT), program("raise SystemExit(3)")], StopRequest())
    assert "The helper stopped by itself (exit code 3) and starts again in 1 s." in capfd.readouterr().out
    assert not our_children()


def test_what_a_dead_program_leaves_behind_is_killed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(processes, "QUICK_STOPS", 1)
    leaves_a_child = "import subprocess; print(subprocess.Popen(['sleep', '60']).pid)"
    with pytest.raises(GaveUpError):
        run_together([program(leaves_a_child)], StopRequest())
    left = int(capfd.readouterr().out)
    deadline = time.monotonic() + 10  # a signal takes a moment on a busy machine
    while psutil.pid_exists(left) and psutil.Process(left).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def _signals_restored() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("_signals_restored")
def test_nohup_is_obeyed() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop = hear_stop_signals()
    signal.raise_signal(signal.SIGHUP)
    assert not stop.made
    signal.raise_signal(signal.SIGTERM)
    assert stop.made
