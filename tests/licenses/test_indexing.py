"""Which indexes are stored: of the count that is shown and the one before, and whatever is newer than a late reader."""

import contextlib
import threading
import time
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError

from licensesync.enterprises.models import Enterprise
from licensesync.licenses import index, indexing
from licensesync.licenses.indexing import index_of
from licensesync.licenses.models import LicenseIndex
from tests.flows.lists import account, import_one, new_enterprise, server_export
from tests.flows.workers import together

pytestmark = pytest.mark.django_db(transaction=True)


def stored(enterprise: Enterprise) -> dict[int, UUID]:
    """The keys of the indexes by generation."""
    return dict(LicenseIndex.objects.filter(enterprise=enterprise).values_list("generation", "key"))


def test_the_last_two_counts_keep_their_index(enterprise: Enterprise) -> None:
    other = new_enterprise()
    for of in (other, enterprise, enterprise, enterprise):
        import_one(of, server_export(account(number + 1) for number in range(of.generation + 1)))
    assert stored(enterprise).keys() == {2, 3}
    assert stored(other).keys() == {1}


def test_a_late_reader_takes_no_newer_index_away(enterprise: Enterprise) -> None:
    """A page that began before two counts were shown makes the index of its own count, where that is not stored."""
    import_one(enterprise, server_export([account(1)]))
    reading = Enterprise.objects.get(pk=enterprise.pk)
    for users in (2, 3):
        import_one(enterprise, server_export(account(number) for number in range(1, users + 1)))
    newer = stored(enterprise)
    assert newer.keys() == {2, 3}
    assert index_of(reading)[1].total == 1
    assert stored(enterprise).items() >= newer.items()
    assert index_of(enterprise)[0] == newer[3]
    assert index_of(enterprise)[1].total == 3


def test_whoever_is_about_to_load_an_index_that_goes_makes_it(
    enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a page that waits while others load, when an instance is deleted: its count is an earlier one then."""
    import_one(enterprise, server_export([account(1)]))
    original = indexing._loaded
    original.cache_clear()

    def load_when_gone(key: UUID) -> Any:
        monkeypatch.undo()
        LicenseIndex.objects.filter(key=key).delete()
        return original(key)

    monkeypatch.setattr(indexing, "_loaded", load_when_gone)
    assert index_of(enterprise)[1].total == 1


@pytest.mark.parametrize("is_one_process", [True, False])
def test_several_who_miss_an_index_make_it_once(
    enterprise: Enterprise, is_one_process: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an upgrade that has deleted them."""
    import_one(enterprise, server_export([account(1)]))
    LicenseIndex.objects.all().delete()
    original, made = indexing._build, []
    both = threading.Barrier(2, timeout=0.5)

    def build(*args: Any) -> Any:
        made.append(original(*args))
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait()
        return made[-1]

    monkeypatch.setattr(indexing, "_build", build)
    if not is_one_process:
        monkeypatch.setattr(indexing, "_making", contextlib.nullcontext())
    together(*[lambda: made.append(index_of(enterprise)[1])] * 2)
    assert len(made) == (3 if is_one_process else 4)
    assert stored(enterprise).keys() == {1}


def test_several_who_come_for_a_new_index_load_it_once(enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each for themselves, they would take its memory as many times."""
    import_one(enterprise, server_export([account(1)]))
    original, loaded = index.from_bytes, []
    several = threading.Barrier(8)

    def from_bytes(content: bytes) -> Any:
        loaded.append(content)
        time.sleep(0.2)
        return original(content)

    def come() -> None:
        several.wait()
        index_of(enterprise)

    monkeypatch.setattr(index, "from_bytes", from_bytes)
    together(*[come] * 8)
    assert len(loaded) == 1


def test_whoever_reads_an_enterprise_that_is_deleted_meanwhile_is_told(enterprise: Enterprise) -> None:
    import_one(enterprise, server_export([account(1)]))
    LicenseIndex.objects.all().delete()
    Enterprise.objects.filter(pk=enterprise.pk).delete()
    with pytest.raises(IntegrityError):
        index_of(enterprise)
