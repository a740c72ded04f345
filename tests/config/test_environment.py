"""The readers of the environment, and the two things that are found before settings are read."""

import os
import runpy
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from licensesync.config import data_dir_from, environment
from licensesync.config.database import PATIENCE
from tests.product import MANAGE, product_environment


def test_text_without_space_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAME", " value\n")
    assert environment.text("NAME") == "value"


def test_an_empty_value_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Container files often pass a name on although nothing is set."""
    monkeypatch.setenv("NAME", "")
    assert environment.text("NAME", "default") == "default"
    assert environment.whole_number("NAME", 3) == 3


def test_a_file_may_hold_the_value(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from the file\n")
    monkeypatch.setenv("NAME_FILE", str(tmp_path / "secret"))
    assert environment.text("NAME") == "from the file"
    monkeypatch.setenv("NAME_FILE", str(tmp_path / "none"))
    with pytest.raises(ImproperlyConfigured, match=r"NAME_FILE names .*none, which can't be read"):
        environment.text("NAME")


@pytest.mark.parametrize(
    ("value", "expected"), [("true", True), ("Yes", True), ("1", True), ("no", False), ("0", False)]
)
def test_flag(monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    monkeypatch.setenv("NAME", value)
    assert environment.flag("NAME", not expected) is expected


def test_a_wrong_value_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAME", "maybe")
    with pytest.raises(ImproperlyConfigured, match="NAME is 'maybe'; use true or false"):
        environment.flag("NAME", False)
    with pytest.raises(ImproperlyConfigured, match="NAME is 'maybe'; use a number"):
        environment.number("NAME", 1)


@pytest.mark.parametrize("value", ["-1", "nan"])
def test_a_number_out_of_range(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("NAME", value)
    with pytest.raises(ImproperlyConfigured, match="use 0 or more"):
        environment.number("NAME", 1)


def test_a_whole_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAME", "1.5")
    with pytest.raises(ImproperlyConfigured, match="whole number"):
        environment.whole_number("NAME", 1)


def test_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAME", "a, b,,")
    assert environment.listing("NAME") == ["a", "b"]


def test_a_key_is_made_once_and_kept_for_us_alone(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(lambda _: environment.secret_key(tmp_path), range(8)))
    assert len(keys) == 1
    assert len(keys.pop()) >= 50
    assert [path.name for path in tmp_path.iterdir()] == ["secret-key"]
    assert (tmp_path / "secret-key").stat().st_mode & 0o777 == 0o600


def test_half_a_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret-key").write_text("half")
    with pytest.raises(ImproperlyConfigured, match="does not hold a whole key"):
        environment.secret_key(tmp_path)


def test_a_given_key_is_not_written_down(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = "given" * 10
    monkeypatch.setenv("LICENSESYNC_SECRET_KEY", given)
    assert environment.secret_key(tmp_path) == given
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "rest"),
    [
        (["manage.py", "up", "--data-dir", "data", "--demo"], ["manage.py", "up", "--demo"]),
        (["manage.py", "--data-dir=data", "check"], ["manage.py", "check"]),
    ],
)
def test_any_command_takes_the_data_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: list[str], rest: list[str]
) -> None:
    monkeypatch.setenv("LICENSESYNC_DATA_DIR", "another")
    monkeypatch.setenv("LICENSESYNC_DATA_DIR_FILE", "one/more")
    monkeypatch.chdir(tmp_path)
    assert data_dir_from(words) == rest
    assert "LICENSESYNC_DATA_DIR_FILE" not in os.environ
    assert os.environ["LICENSESYNC_DATA_DIR"] == str(tmp_path / "data")


@pytest.mark.parametrize("words", [("help",), ("help", "bootstrap"), ("up", "--help"), ("doctor", "-h")])
def test_every_help_names_the_data_directory(tmp_path: Path, words: tuple[str, ...]) -> None:
    said = manage(product_environment(tmp_path), *words)
    assert said.returncode == 0
    assert said.stdout.endswith("\nEvery command takes --data-dir DIR: where everything is kept (default: ./var).\n")


def test_a_secret_that_is_no_text_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfe\x00")
    wrong = {"LICENSESYNC_SECRET_KEY_FILE": str(tmp_path / "key")}
    said = manage(product_environment(tmp_path) | wrong, "check")
    assert said.returncode == 1
    assert said.stderr.strip().endswith("which is not text in UTF-8.")


def test_a_data_directory_without_its_name() -> None:
    for words in (["manage.py", "up", "--data-dir"], ["manage.py", "--data-dir=", "up"]):
        with pytest.raises(SystemExit, match="needs a directory"):
            data_dir_from(words)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DATABASE_URL", "mysql://root@localhost/x", "DATABASE_URL must read postgresql://"),
        ("DATABASE_URL", "postgresql://localhost", "DATABASE_URL must read postgresql://"),
        ("DATABASE_URL", "postgresql://user:secret@localhost:port/x", "DATABASE_URL must read postgresql://"),
        ("LICENSESYNC_URL", "licenses.example.com", "write it like https://licenses.example.com"),
        ("LICENSESYNC_URL", "https://licenses.example.com/?x=1", "write it like https://licenses.example.com"),
        ("LICENSESYNC_URL", "https://licenses.example.com:84433", "write it like https://licenses.example.com"),
        ("LICENSESYNC_URL", "https://[::1", "write it like https://licenses.example.com"),
        ("LICENSESYNC_SSO_SIGN_OUT_URL", "sso.example.com/out", "write it like https://sso.example.com/sign-out or /"),
        ("LICENSESYNC_SSO_SIGN_OUT_URL", "//sso.example.com/out", "write it like https://sso.example.com/sign-out or"),
        ("REDIS_URL", "redis://:secret@[::1/0", "write it like redis://127.0.0.1:6379/0"),
        ("LICENSESYNC_TIME_ZONE", "Mars/Base", "write it like Europe/Berlin"),
        ("LICENSESYNC_SECRET_KEY", "short", "openssl rand -hex 32"),
        ("LICENSESYNC_CONNECT_DENY", "10.0.0.0/33", "'10.0.0.0/33' is no network"),
        ("LICENSESYNC_CONNECT_ALLOW", "https://ghes.example.com", "is no network; write hosts"),
        ("LICENSESYNC_PAYLOAD_RETENTION_DAYS", "inf", "is 'inf'; use a number"),
        ("LICENSESYNC_TIME_ZONE", "Europe", "write it like Europe/Berlin"),
        ("REDIS_URL", "localhost", "write it like redis://127.0.0.1:6379/0"),
        ("LICENSESYNC_MAX_UPLOAD_MB", "0", "LICENSESYNC_MAX_UPLOAD_MB is 0; use 1 or more"),
        ("LICENSESYNC_STALLED_SECONDS", "10", "LICENSESYNC_STALLED_SECONDS is 10; use 15 or more"),
        ("LICENSESYNC_SWEEP_SECONDS", "60", "LICENSESYNC_SWEEP_SECONDS is 60; use 30 or less"),
        ("LICENSESYNC_HAND_BACK_SECONDS", "25", "LICENSESYNC_HAND_BACK_SECONDS is 25; use 24 or less"),
        ("LICENSESYNC_SCHEDULE_SECONDS", "0", "LICENSESYNC_SCHEDULE_SECONDS is 0; use 1 or more"),
        ("LICENSESYNC_PAYLOAD_RETENTION_DAYS", "1e9", "is 1e9; use 36500 or less"),
        ("LICENSESYNC_HISTORY_RETENTION_DAYS", "1000000", "is 1000000; use 36500 or less"),
        ("LICENSESYNC_SIGN_IN_WAIT_MINUTES", "1e12", "is 1e12; use 525600 or less"),
        ("LICENSESYNC_WEB_LOCK_SECONDS", "9999999", "is 9999999; use 86400 or less"),
        ("LICENSESYNC_WEB_STATEMENT_SECONDS", "9999999", "is 9999999; use 86400 or less"),
        ("LICENSESYNC_WEB_STALL_SECONDS", "9999999", "is 9999999; use 86400 or less"),
        ("LICENSESYNC_DATABASE_WAIT_SECONDS", "1e12", "is 1e12; use 3600 or less"),
        ("LICENSESYNC_STALLED_SECONDS", "1e12", "is 1e12; use 86400 or less"),
        ("LICENSESYNC_SUPERSEDED_SECONDS", "1e12", "is 1e12; use 86400 or less"),
        ("LICENSESYNC_REPORT_PATIENCE_SECONDS", "1e12", "is 1e12; use 86400 or less"),
        ("LICENSESYNC_RETRY_SECONDS", "1e12", "is 1e12; use 3600 or less"),
        ("LICENSESYNC_FETCH_TRIES", "100", "LICENSESYNC_FETCH_TRIES is 100; use 12 or less"),
        ("LICENSESYNC_MAIL_PORT", "99999", "LICENSESYNC_MAIL_PORT is 99999; use 65535 or less"),
        ("LICENSESYNC_ALLOWED_HOSTS", "https://a.example", "is no host name; write it like licenses.example.com"),
        ("LICENSESYNC_ALLOWED_HOSTS", "[::1],a.example:8443", "'a.example:8443' is no host name"),
        ("LICENSESYNC_SSO_HEADER", "X-Forwarded-Email", "LICENSESYNC_SSO_HEADER needs LICENSESYNC_SSO_SECRET"),
        ("LICENSESYNC_LOG_FORMAT", "xml", "use text or json"),
    ],
)
def test_a_wrong_setting_is_refused_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str, sentence: str
) -> None:
    for of_tests in os.environ.keys() - product_environment(tmp_path).keys():
        monkeypatch.delenv(of_tests)
    monkeypatch.setenv("LICENSESYNC_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv(name, value)
    monkeypatch.delitem(
        sys.modules, "licensesync.config.settings"
    )  # they are read once more, beside those of the tests
    with pytest.raises(ImproperlyConfigured) as refused:
        runpy.run_module("licensesync.config.settings")
    assert sentence in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_wrong_setting_stops_a_command_with_its_sentence(tmp_path: Path) -> None:
    said = manage(product_environment(tmp_path / "data", LICENSESYNC_TIME_ZONE="Mars/Base"), "check")
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr == "LICENSESYNC_TIME_ZONE is 'Mars/Base'; write it like Europe/Berlin.\n"


def test_the_parts_of_a_database_url(tmp_path: Path) -> None:
    environment = product_environment(
        tmp_path / "data",
        DATABASE_URL="postgresql://a%40b:p%2Fw@db.example:6432/x?sslmode=require&application_name=a+b",
    )
    source = (
        "from django.conf import settings; d = settings.DATABASES['default'];"
        "print([d[k] for k in ('USER', 'PASSWORD', 'HOST', 'PORT', 'NAME')], d['OPTIONS'])"
    )
    parts = ["a@b", "p/w", "db.example", 6432, "x"]
    options = PATIENCE | {"sslmode": "require", "application_name": "a b"}
    assert printed(environment, source) == f"{parts} {options}"


@pytest.mark.parametrize(
    ("url", "allowed"), [("https://sso.example/out?all=1", ["'self'", "https://sso.example"]), ("/out", ["'self'"])]
)
def test_the_form_that_signs_out_may_lead_to_where_the_proxy_does(tmp_path: Path, url: str, allowed: list[str]) -> None:
    environment = product_environment(tmp_path / "data", LICENSESYNC_SSO_SIGN_OUT_URL=url)
    source = "from django.conf import settings; print(settings.CONTENT_SECURITY_POLICY['DIRECTIVES']['form-action'])"
    assert printed(environment, source) == str(allowed)


def printed(environment: dict[str, str], source: str) -> str:
    """What a piece of Python prints that reads the settings."""
    environment = environment | {"DJANGO_SETTINGS_MODULE": "licensesync.config.settings"}
    result = subprocess.run(
        [sys.executable, "-c", source], cwd=MANAGE.parent, env=environment, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


def manage(environment: dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(MANAGE), *words], env=environment, capture_output=True, text=True, check=False
    )
