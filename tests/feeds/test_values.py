"""Single values of a file: which text names a server account, and which only looks like it."""

from datetime import UTC, datetime

import pytest

from licensesync.feeds import values
from licensesync.feeds.values import MAX_USER_ID, named_account


@pytest.mark.parametrize(
    ("named", "account"),
    [
        ("GHES.Example:7", ("ghes.example", 7)),
        ("[2001:DB8::1]:007", ("[2001:db8::1]", 7)),
        (f"ghes.example:{MAX_USER_ID}", ("ghes.example", MAX_USER_ID)),
        (f"ghes.example:{MAX_USER_ID + 1}", ("ghes.example", None)),
        ("ghes.example:" + "9" * 5_000, ("ghes.example", None)),  # more digits than Python converts
        ("ghes.example:0", ("ghes.example", None)),
        ("ghes.example:-7", ("ghes.example", None)),
        ("ghes.example:7th", ("ghes.example", None)),
        ("ghes.example:٧", ("ghes.example", None)),  # a digit, but not of ASCII
        ("ghes.example:²", ("ghes.example", None)),
        ("ghes.example:", ("ghes.example", None)),
        ("7", ("", 7)),
        ("", ("", None)),
    ],
)
def test_a_server_account_as_github_names_it(named: str, account: tuple[str, int | None]) -> None:
    assert named_account(named) == account


@pytest.mark.parametrize(
    ("named", "read"),
    [
        ("\u200b", ""),
        ("\u200b \u2060", ""),
        ("live \u202eltr", "live ltr"),
        ("Ana\u2066\u2069", "Ana"),
        ("\U0001f469\u200d\U0001f4bb", "\U0001f469\u200d\U0001f4bb"),  # of two signs one, by what is between them
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
    ],
)
def test_what_nobody_can_see_is_no_name(named: str, read: str) -> None:
    assert values.names(["Ana", named]) == ["Ana", read]


def test_blanks_before_an_offset() -> None:
    assert values.time("2016/02/06 12:41:52  -0600", "created_at") == datetime(2016, 2, 6, 18, 41, 52, tzinfo=UTC)


def test_a_time_is_not_looked_for_in_a_long_text() -> None:
    """Its blanks would be looked at from each before it: a million took hours."""
    assert values.time("2016-02-06T12:41:52" + " " * 100 + "-0600", "created_at") is None
