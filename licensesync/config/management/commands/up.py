"""`manage.py up`: the whole product on one machine, from nothing to a page that answers."""

import contextlib
import errno
import os
import socket
import struct
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import urljoin

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser, call_command
from django.db import connection

from licensesync.config.in_use import InUseError, alone, in_use, one_at_a_time, the_only_one
from licensesync.config.keeping import READY, finish_restore
from licensesync.config.management.commands.demo import example
from licensesync.config.played_github import play_github
from licensesync.config.processes import (
    GaveUpError,
    Program,
    StoppedError,
    StopRequest,
    hear_stop_signals,
    run_together,
    say,
)
from licensesync.flows.queue import OF_JOBS, OF_SMALL_THINGS
from licensesync.users.links import running_at
from licensesync.users.services import first_owner_path

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - and where such a listener is found from here


class Command(BaseCommand):
    help = "Prepare the data directory, then run web, workers and scheduler together until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--bind", default="127.0.0.1:8000", metavar="HOST:PORT", help="default: %(default)s")
        parser.add_argument("--demo", action="store_true", help="add a made-up enterprise to look around in")
        parser.add_argument(
            "--only",
            action="append",
            choices=["web", "worker", "upkeep", "scheduler"],
            help="run just this part, for several machines; may be repeated",
        )

    def handle(self, *, bind: str, demo: bool, only: list[str] | None, **_: object) -> None:
        stop = hear_stop_signals()
        try:
            self._run(stop, bind, demo=demo, only=only)
        except StoppedError:
            say("Stopped before anything was started.")

    def _run(self, stop: StopRequest, bind: str, *, demo: bool, only: list[str] | None) -> None:
        with contextlib.ExitStack() as held:
            listener = held.enter_context(listen(bind)) if not only or "web" in only else None
            # With PostgreSQL several machines may share the directory.
            lock = held.enter_context(data_directory(shared=bool(only) or connection.vendor != "sqlite"))
            say(f"LicenseSync {settings.VERSION} starts on {settings.DATA_DIR} …")
            call_command("migrate", interactive=False, verbosity=0)
            stop.check()
            greeting = Greeting.at(listener) if listener else None
            address = greeting.address if greeting else settings.LICENSESYNC_URL
            if greeting:
                held.enter_context(running_at(greeting.address))
                # Machines that start together share the directory, and have just waited for the same migration: one
                # would remove what another is packing, which ended it.
                with one_at_a_time(settings.DATA_DIR, "collecting"):
                    call_command("collectstatic", interactive=False, verbosity=0)
                stop.check()
            try:
                github = play_github(greeting.port) if greeting and demo and not only else None
            except OSError as error:
                raise CommandError(f"Nothing was started: {error}") from None
            if github:
                os.environ.update(github.environment)  # the other programs call it
            if demo:
                call_command("demo", github=github.addresses if github else None, before_each=stop.check)
            metrics = held.enter_context(tempfile.TemporaryDirectory(prefix="licensesync-metrics-"))
            programs = programs_of(listener, address, metrics=metrics, pass_fds=[lock])
            programs = [each for each in programs if not only or each.name in only]
            if github:
                programs.append(github.program(example().created_at))
            try:
                run_together(programs, stop, each_tick=greeting.say_once_web_answers if greeting else lambda: None)
            except GaveUpError as error:
                raise CommandError(str(error)) from None


@contextlib.contextmanager
def data_directory(*, shared: bool) -> Iterator[int]:
    """The data directory as ours, and not one that is being restored; unless `shared`, ours alone. Gives what our
    programs hold it by as well."""
    try:
        if (settings.DATA_DIR / READY).exists():  # a restore was interrupted
            with alone(settings.DATA_DIR):
                finish_restore(settings.DATA_DIR)
        with in_use(settings.DATA_DIR) as lock, contextlib.nullcontext() if shared else the_only_one(settings.DATA_DIR):
            yield lock
    except InUseError as error:
        raise CommandError(f"Nothing was started: {error}") from None


def listen(bind: str) -> socket.socket:
    """The socket that the web server is handed. Ours from the start, so a port in use ends it here, in words."""
    host, _, port = bind.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise CommandError(f"--bind is {bind!r}; write it like 127.0.0.1:8000.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, int(port)), family=family, backlog=512)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (")[0].lower()  # create_server adds the address to it
        stop_it = "Stop what uses it, or choose" if error.errno == errno.EADDRINUSE else "Choose"
        raise CommandError(
            f"Nothing was started: {bind} can't be listened on ({reason}). {stop_it} another address with --bind."
        ) from None
    # Each connection inherits it: gunicorn itself waits without end for the rest of a request, with one thread of few.
    for direction in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        listener.setsockopt(socket.SOL_SOCKET, direction, struct.pack("ll", settings.WEB_STALL_SECONDS, 0))
    return listener


def programs_of(
    listener: socket.socket | None, address: str, *, metrics: str = "", pass_fds: Sequence[int] = ()
) -> list[Program]:
    """The four programs, in the order in which they start; without a listener, the web server is not among them.

    `metrics` is an empty directory in which the processes of the web server count together (prometheus_client).
    """
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "licensesync.config.settings",
        "LICENSESYNC_DATA_DIR": str(settings.DATA_DIR),
        "LICENSESYNC_URL": address,
        # They are found from any working directory, which stays what it was: paths in the environment may be relative.
        "PYTHONPATH": os.pathsep.join(filter(None, [str(settings.BASE_DIR), os.environ.get("PYTHONPATH")])),
        # `up` has checked everything. To check it again, each of them would load all pages of the web server.
        "CELERY_SKIP_CHECKS": "true",
    }
    python = [sys.executable, "-m"]
    gunicorn = [*python, "gunicorn", "licensesync.config.wsgi"]
    # Celery's warning about root is about pickled messages; ours are JSON.
    celery = [sys.executable, "-W", "ignore:You're running the worker", "-m", "celery", "--quiet"]
    celery += ["--app", "licensesync.config.celery"]
    quiet = ["--without-mingle", "--without-gossip", "--without-heartbeat"]
    web = []
    if listener:
        command = [
            *(*gunicorn, "--bind", f"fd://{listener.fileno()}"),
            *("--preload", "--worker-class", "gthread", "--workers", str(settings.WEB_PROCESSES), "--threads", "8"),
            *("--timeout", "60", "--graceful-timeout", "20", "--log-level", "warning", "--no-control-socket"),
            "--no-sendfile",  # Python would wait without end for whoever does not take a file
            *("--forwarded-allow-ips", ""),  # whom to believe is LICENSESYNC_BEHIND_PROXY's to say, not gunicorn's
        ]
        of_web = {
            # Left to itself glibc keeps what Argon2 took, 19 MiB, for each thread that has ever checked a password.
            "MALLOC_MMAP_THRESHOLD_": "1048576",
            **environment,
            "PROMETHEUS_MULTIPROC_DIR": metrics,
        }
        web = [Program("web", command, of_web, pass_fds=[listener.fileno(), *pass_fds])]
    return [
        *web,
        Program(
            "worker",
            [
                *celery,
                *("worker", "--queues", ",".join(OF_JOBS), "--hostname", "worker@%h"),
                *("--pool", "prefork", "--concurrency", str(settings.WORKER_PROCESSES), *quiet),
            ],
            environment,
            pass_fds,
        ),
        # What takes seconds has a worker of its own: it never waits until a long list is done.
        Program(
            "upkeep",
            [
                *celery,
                *("worker", "--queues", ",".join(OF_SMALL_THINGS), "--hostname", "upkeep@%h"),
                *("--pool", "threads", "--concurrency", "4", *quiet),
            ],
            environment,
            pass_fds,
        ),
        Program("scheduler", [*celery, "beat"], environment, pass_fds),
    ]


@dataclass
class Greeting:
    """What a person reads once there is a page to open."""

    host: str
    port: int
    address: str
    ask_for_address: bool
    said: bool = False

    @classmethod
    def at(cls, listener: socket.socket) -> "Greeting":
        host, port = listener.getsockname()[:2]
        host, everywhere = EVERYWHERE.get(host, host), host in EVERYWHERE
        address = settings.LICENSESYNC_URL or f"http://{f'[{host}]' if ':' in host else host}:{port}"
        return cls(host, port, address, ask_for_address=everywhere and not settings.LICENSESYNC_URL)

    def say_once_web_answers(self) -> None:
        if self.said or not answers(self.host, self.port):
            return
        self.said = True
        path = first_owner_path()
        say(f"LicenseSync runs at {self.address}/  (stop it with Ctrl-C)")
        if path:
            say(f"Set up the first owner, once: {urljoin(self.address, path)}")
        if settings.LICENSESYNC_URL.startswith("https:") and not settings.BEHIND_PROXY:
            say(
                "A proxy must speak https for it. Set LICENSESYNC_BEHIND_PROXY=true, or everybody is one address to it."
            )
        if self.ask_for_address:
            example = f"LICENSESYNC_URL=http://{socket.gethostname()}:{self.port}"
            say(f"Only this machine can open it until LICENSESYNC_URL says what people type, for example {example}")


def answers(host: str, port: int) -> bool:
    connection = HTTPConnection(host, port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return True
