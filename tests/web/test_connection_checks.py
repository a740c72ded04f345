"""What "Test connection" has found, in words."""

import pytest

from licensesync.github.checks import Check
from licensesync.web.connection_checks import check_rows


@pytest.mark.parametrize(
    ("step", "facts", "said"),
    [
        ("license", {"seats": "20000", "used": "12345"}, "12,345 of 20,000 seats used"),
        ("license", {"seats": "1", "used": "1", "expires": "2027-03-01"}, "valid until Mar 1, 2027, 1 of 1 seat used"),
        ("license", {"seats": "unlimited", "used": "1"}, "1 seat used, without a limit"),
        ("report", {"bytes": "123456789"}, "it is there, 117.7\xa0MB"),
        ("list", {"total": "1", "pages": "1"}, "1 consumed license, on 1 page"),
        ("list", {"total": "1765", "pages": "18"}, "1,765 consumed licenses, on 18 pages"),
        ("name", {"host": "ghes.example", "addresses": "10.0.0.5"}, "10.0.0.5"),
        ("credentials", {}, "fine"),
    ],
)
def test_what_a_step_has_found(step: str, facts: dict[str, str], said: str) -> None:
    [row] = check_rows([Check(step, "ok", facts)])
    assert row.outcome == said
