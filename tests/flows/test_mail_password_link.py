"""A link to a new password by mail: the page only notes the wish, a worker sends the mail, and neither without end."""

from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.core import mail
from django.utils import timezone
from pytest_django import Settings

from licensesync.flows import forget, sweep
from licensesync.flows.mail_password_link import (
    MOST_FOR_EMAIL,
    MOST_FROM_CLIENT,
    PERIOD,
    ask_for_password_link,
    mail_password_link,
)
from licensesync.users.models import PasswordLinkRequest, User


@pytest.fixture(autouse=True)
def mail_server(settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.octo.example"


def ask(email: str, client: str = "fd00::1") -> bool:
    return ask_for_password_link(email=email, client=client, origin="https://licenses.octo.example/")


def newest() -> PasswordLinkRequest:
    return PasswordLinkRequest.objects.latest("pk")


def test_the_mail_goes_once_and_by_the_worker(owner: User) -> None:
    assert ask(" Owner@octo.example")
    assert not mail.outbox
    mail_password_link(newest().pk)
    mail_password_link(newest().pk)
    [sent] = mail.outbox
    assert sent.to == [owner.email]
    assert "https://licenses.octo.example/password/new/" in sent.body


def test_nobody_gets_a_mail_for_an_email_that_is_not_known(owner: User) -> None:
    assert ask("nobody@octo.example")
    mail_password_link(newest().pk)
    assert not mail.outbox


@pytest.mark.parametrize("email", ["owner@octo.example", "nobody@octo.example"])
def test_one_email_is_asked_for_only_so_often_known_or_not(owner: User, email: str) -> None:
    assert [ask(email, f"fd00::{n}") for n in range(MOST_FOR_EMAIL + 2)] == [True] * MOST_FOR_EMAIL + [False] * 2
    assert ask("other@octo.example")
    PasswordLinkRequest.objects.update(asked_at=timezone.now() - PERIOD)
    assert ask(email)


def test_one_client_asks_only_so_often(db: None) -> None:
    assert all(ask(f"{n}@octo.example") for n in range(MOST_FROM_CLIENT))
    assert not ask("last@octo.example")
    assert ask("last@octo.example", "fd00::2")


@pytest.mark.django_db(transaction=True)
def test_a_mail_whose_message_was_lost_is_sent_by_the_sweep(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    with current_app.connection_for_write() as queues:  # what other tests have sent stands for waiting messages
        channel: Any = queues.default_channel
        channel.queue_purge("short")
    sent: list[tuple[str, list[int]]] = []
    monkeypatch.setattr(current_app, "send_task", lambda task, args, kwargs, queue: sent.append((task, args)))
    ask(owner.email)
    assert sent == [("licensesync.mail_password_link", [newest().pk])]
    sweep.sweep()
    assert len(sent) == 1
    PasswordLinkRequest.objects.update(asked_at=timezone.now() - timedelta(minutes=1))
    sweep.sweep()
    assert len(sent) == 2
    mail_password_link(newest().pk)
    sweep.sweep()
    assert len(sent) == 2


def test_what_no_limit_looks_back_to_is_forgotten(owner: User) -> None:
    ask(owner.email)
    forget.forget_old()
    assert PasswordLinkRequest.objects.exists()
    PasswordLinkRequest.objects.update(asked_at=timezone.now() - PERIOD - timedelta(seconds=1))
    forget.forget_old()
    assert not PasswordLinkRequest.objects.exists()
