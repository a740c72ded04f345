"""What is set in the environment is what the product goes by. What each of them does is tested there."""

import json
from pathlib import Path

from cryptography.fernet import Fernet

from tests.config.test_environment import printed
from tests.product import product_environment

KEYS = [Fernet.generate_key().decode() for _ in range(2)]
# name: what is set, where it has to arrive, and what has to be there
SET = {
    "LICENSESYNC_ALLOWED_HOSTS": ("a.example, b.example", "ALLOWED_HOSTS[-2:]", ["a.example", "b.example"]),
    "LICENSESYNC_API_REQUESTS_PER_HOUR": ("7", "API_REQUESTS_PER_HOUR", 7),
    "LICENSESYNC_BEHIND_PROXY": ("true", "SECURE_PROXY_SSL_HEADER", ["HTTP_X_FORWARDED_PROTO", "https"]),
    "LICENSESYNC_CONNECT_ALLOW": ("10.0.0.0/8", "CONNECT_ALLOW", ["10.0.0.0/8"]),
    "LICENSESYNC_CONNECT_DENY": ("*.example, 10.1.0.0/16", "CONNECT_DENY", ["*.example", "10.1.0.0/16"]),
    "LICENSESYNC_DATABASE_WAIT_SECONDS": ("9", "DATABASES['default']['OPTIONS']['timeout']", 9),
    "LICENSESYNC_DEBUG": ("true", "DEBUG", True),
    "LICENSESYNC_DISK_RESERVE_MB": ("11", "DISK_RESERVE_MB", 11),
    "LICENSESYNC_ENCRYPTION_KEYS": (",".join(KEYS), "ENCRYPTION_KEYS", KEYS),
    "LICENSESYNC_FETCH_TRIES": ("3", "FETCH_TRIES", 3),
    "LICENSESYNC_HAND_BACK_SECONDS": ("12", "HAND_BACK_SECONDS", 12),
    "LICENSESYNC_HEARTBEAT_SECONDS": ("2", "HEARTBEAT_SECONDS", 2),
    "LICENSESYNC_HISTORY_RETENTION_DAYS": ("30", "HISTORY_RETENTION.days", 30),
    "LICENSESYNC_MAIL_FROM": ("a@b.example", "DEFAULT_FROM_EMAIL", "a@b.example"),
    "LICENSESYNC_MAX_ACCOUNTS": ("13", "MAX_ACCOUNTS", 13),
    "LICENSESYNC_MAX_UNPACKED_MB": ("14", "MAX_UNPACKED_BYTES", 14 * 1024 * 1024),
    "LICENSESYNC_MAX_UPLOAD_MB": ("15", "MAX_UPLOAD_BYTES", 15 * 1024 * 1024),
    "LICENSESYNC_METRICS_NETWORKS": ("10.0.0.0/8,::1", "METRICS_NETWORKS", ["10.0.0.0/8", "::1/128"]),
    "LICENSESYNC_METRICS_TOKEN": ("for metrics", "METRICS_TOKEN", "for metrics"),
    "LICENSESYNC_OLD_SECRET_KEYS": ("one, two", "SECRET_KEY_FALLBACKS", ["one", "two"]),
    "LICENSESYNC_PAYLOAD_RETENTION_DAYS": ("2", "PAYLOAD_RETENTION.days", 2),
    "LICENSESYNC_REPORT_PATIENCE_SECONDS": ("16", "REPORT_PATIENCE_SECONDS", 16),
    "LICENSESYNC_RETRY_SECONDS": ("17", "RETRY_SECONDS", 17),
    "LICENSESYNC_SCHEDULE_SECONDS": ("18", "SCHEDULE_SECONDS", 18),
    "LICENSESYNC_SECRET_KEY": ("k" * 32, "SECRET_KEY", "k" * 32),
    "LICENSESYNC_SIGN_IN_TRIES": ("19", "AXES_FAILURE_LIMIT", 19),
    "LICENSESYNC_SIGN_IN_WAIT_MINUTES": ("1", "AXES_COOLOFF_TIME.seconds", 60),
    "LICENSESYNC_SSO_HEADER": ("X-Email", "SSO_HEADER", "X-Email"),
    "LICENSESYNC_SSO_SECRET": ("s" * 32, "SSO_SECRET", "s" * 32),
    "LICENSESYNC_SSO_SIGN_OUT_URL": ("/out", "SSO_SIGN_OUT_URL", "/out"),
    "LICENSESYNC_STALLED_SECONDS": ("21", "STALLED_SECONDS", 21),
    "LICENSESYNC_SUPERSEDED_SECONDS": ("22", "SUPERSEDED_SECONDS", 22),
    "LICENSESYNC_SWEEP_SECONDS": ("23", "SWEEP_SECONDS", 23),
    "LICENSESYNC_TIME_ZONE": ("Europe/Berlin", "TIME_ZONE", "Europe/Berlin"),
    "LICENSESYNC_WEB_LOCK_SECONDS": ("24", "WEB_LOCK_SECONDS", 24),
    "LICENSESYNC_WEB_PROCESSES": ("27", "WEB_PROCESSES", 27),
    "LICENSESYNC_WEB_STALL_SECONDS": ("25", "WEB_STALL_SECONDS", 25),
    "LICENSESYNC_WEB_STATEMENT_SECONDS": ("26", "WEB_STATEMENT_SECONDS", 26),
    "LICENSESYNC_WORKER_PROCESSES": ("28", "WORKER_PROCESSES", 28),
}


def arrived(data_dir: Path, **environment: str) -> dict[str, object]:
    """What is where each setting of `SET` has to arrive."""
    found = ", ".join(f"{name!r}: settings.{where}" for name, (_, where, _) in SET.items())
    source = f"import json; from django.conf import settings; print(json.dumps({{{found}}}, default=str))"
    values: dict[str, object] = json.loads(printed(product_environment(data_dir, **environment), source))
    return values


def test_each_setting_arrives(tmp_path: Path) -> None:
    expected = {name: value for name, (_, _, value) in SET.items()}
    assert arrived(tmp_path / "data", **{name: text for name, (text, _, _) in SET.items()}) == expected


def test_what_opens_a_door_is_shut_by_itself(tmp_path: Path) -> None:
    found = arrived(tmp_path / "data")
    doors: dict[str, object] = {
        "LICENSESYNC_BEHIND_PROXY": None,  # else whoever sends the header would be taken for a proxy
        "LICENSESYNC_DEBUG": False,
        "LICENSESYNC_METRICS_NETWORKS": [],
        "LICENSESYNC_METRICS_TOKEN": "",
        "LICENSESYNC_SSO_HEADER": "",
    }
    assert {name: found[name] for name in doors} == doors
