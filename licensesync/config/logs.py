"""Logs: lines for a person on a terminal, JSON for a machine (LICENSESYNC_LOG_FORMAT=json)."""

import logging
import re
from collections.abc import MutableMapping
from typing import Any

import structlog
from django.core.exceptions import ImproperlyConfigured

from licensesync.flows.mishaps import may_pass

# What must not stand in a log, whoever wrote it: links that let somebody in, tokens, addresses of people.
SECRETS = (
    (re.compile(r"/(setup|invitations|password/new)/[^\s\"']+"), r"/\1/…"),
    (re.compile(r"\b(?:lsy|gh[opsur]|github_pat)_\w{8,}"), "<token>"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), r"\1 <token>"),
    (re.compile(r"(://[^/\s:@]*):[^@\s/]+@"), r"\1:<password>@"),
    (re.compile(r"(?<![\w.+%-])(?!(?:worker|upkeep)@)[\w.+%-]+@[\w-]+(?:\.[\w-]+)+"), "<e-mail>"),
)


def masked(text: str) -> str:
    for pattern, instead in SECRETS:
        text = pattern.sub(instead, text)
    return text


def without_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last step before a line is written as JSON: afterwards an address may begin with the letter of an escape."""
    return {masked(name): _masked_within(value) for name, value in event.items()}


def _masked_within(value: Any) -> Any:
    if isinstance(value, dict):
        return {masked(str(name)): _masked_within(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [_masked_within(each) for each in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return masked(value if isinstance(value, str) else repr(value))


def line_without_secrets(_logger: Any, _method: str, line: str) -> str:
    """The last step of every line of text, tracebacks included."""
    return masked(line)


_OF_REQUEST = re.compile(r" from ip=\S*: ([^'\"]*)[\s\S]*")


def of_web_server(record: logging.LogRecord) -> bool:
    """gunicorn writes its own lines: of a request that it can't read it would tell the address and what was sent, which
    may hold a link or a token. Only what was wrong with it stays."""
    said = _OF_REQUEST.sub(lambda found: f": {found[1].rstrip(': ')}", record.getMessage())
    record.msg, record.args = masked(said), ()
    return True


def in_one_line(record: logging.LogRecord) -> bool:
    """A wrong Host header is what anybody can send: no traceback for it, and the name of the setting as it is here."""
    record.exc_info = None
    record.msg = str(record.msg).replace("to ALLOWED_HOSTS", "to LICENSESYNC_ALLOWED_HOSTS")
    return True


def of_our_pages(record: logging.LogRecord) -> bool:
    """A database that is away or busy is no defect of ours: a line says so for each page, and no traceback."""
    if record.exc_info and may_pass(record.exc_info[1]):
        said = " ".join(str(record.exc_info[1]).split())
        record.msg, record.args, record.exc_info = f"{record.getMessage()} ({said})", (), None
    return True


def logging_config(style: str) -> dict[str, Any]:
    """A `logging.config.dictConfig` for the given style: "text" or "json"."""
    if style not in ("text", "json"):
        raise ImproperlyConfigured(f"LICENSESYNC_LOG_FORMAT is {style!r}; use text or json.")
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    # Tracebacks without the local variables: those hold people's addresses and our secrets.
    plain = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    last = [structlog.processors.ExceptionRenderer(plain), without_secrets, structlog.processors.JSONRenderer()]
    if style == "text":
        written = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
        last = [written, line_without_secrets]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
            }
        },
        "filters": {"in_one_line": {"()": lambda: in_one_line}, "of_our_pages": {"()": lambda: of_our_pages}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "django.request": {"level": "ERROR", "filters": ["of_our_pages"]},
            # Three lines for every beat of the clock; what a job does is told by the job.
            "celery.beat": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            # A line for each request is for a machine; on a terminal it would hide what a person has to read.
            "licensesync.web.requests": {"level": "INFO" if style == "json" else "WARNING"},
            "django.security.DisallowedHost": {"filters": ["in_one_line"]},
            "httpx": {"level": "WARNING"},
            "axes": {"level": "ERROR"},  # it logs e-mail addresses at info level
        },
    }
