"""The queue: Redis where REDIS_URL is set, else files in the data directory. The job row is the truth, a message only
a hint, so a lost message costs a few seconds until the sweep finds the waiting row, never a job."""

import contextlib
import os
from importlib import import_module

import structlog
from celery import Celery
from celery.signals import before_task_publish, setup_logging
from django.conf import settings
from kombu import Exchange, Queue

from licensesync.config import file_queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "licensesync.config.settings")

QUEUES = ("upkeep", "short", "interactive", "scheduled")  # what is in which: flows/queue.py
# What the scheduler asks for: its interval, and after how long a message that nobody took is void, in seconds.
EVERY = {
    "sweep": (settings.SWEEP_SECONDS, 30),
    "schedule": (settings.SCHEDULE_SECONDS, settings.SCHEDULE_SECONDS),
    "forget": (3600.0, 3000),
    "forget_answers": (3600.0, 3000),
}

# The scheduler's file is opened by one of these. It would import them as it starts, where a signal to stop breaks in
# and opens the file as well: with half a module, and a traceback.
for _name in ("dbm.gnu", "dbm.ndbm", "dbm.dumb"):
    with contextlib.suppress(ImportError):
        import_module(_name)

app = Celery(
    "licensesync",
    task_cls="licensesync.config.newer_tables:OnOurTables",
    include=["licensesync.flows.tasks", "licensesync.api.tasks", "licensesync.config.worker"],
)
app.set_default()  # else a thread of the web server would find Celery's own app, and no broker


def _broker() -> dict[str, object]:
    if settings.REDIS_URL:
        return {
            "broker_url": settings.REDIS_URL,
            # A worker empties its queues in the order in which it names them.
            "broker_transport_options": {
                "visibility_timeout": 3600,
                "queue_order_strategy": "priority",
                # A Redis that does not answer is found out, instead of waited for as long as the network likes.
                "socket_connect_timeout": 5,
                "socket_timeout": 30,
                "socket_keepalive": True,
            },
        }
    folders = {name: settings.QUEUE_DIR / name for name in ("messages", "control")}
    for folder in folders.values():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {
        "broker_url": f"{file_queue.SCHEME}://localhost//",  # kombu warns when no host is named
        "broker_transport_options": {
            "data_folder_in": str(folders["messages"]),
            "data_folder_out": str(folders["messages"]),
            "control_folder": str(folders["control"]),
            # How long a click waits for the worker; looking this often costs it 0.2 % of a core.
            "polling_interval": 0.25,
        },
    }


app.conf.update(
    _broker(),
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_acks_late=True,
    task_queues=[Queue(name, Exchange(name), routing_key=name) for name in QUEUES],
    task_default_queue="short",
    # Jobs name their queue when they are sent (flows/queue.py).
    task_routes={f"licensesync.{name}": {"queue": "upkeep"} for name in EVERY},
    task_time_limit=3600,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_enable_remote_control=False,  # nobody asks, and its mailboxes would be more files
    broker_connection_retry_on_startup=True,
    task_publish_retry_policy={"max_retries": 1},  # the sweep sends again what could not be sent
    beat_schedule={
        name: {"task": f"licensesync.{name}", "schedule": seconds, "options": {"expires": expires}}
        for name, (seconds, expires) in EVERY.items()
    },
    beat_schedule_filename=str(settings.DATA_DIR / "beat-schedule"),
    timezone="UTC",
)


@setup_logging.connect
def _use_our_logs(**_: object) -> None:
    """Keep Django's logging configuration: by connecting here Celery leaves logging alone."""


@before_task_publish.connect
def _name_the_request(headers: dict[str, object], **_: object) -> None:
    """A message carries the id of the request that sends it, so that one id leads through web, queue and worker."""
    if request := structlog.contextvars.get_contextvars().get("request"):
        headers["request_id"] = request
