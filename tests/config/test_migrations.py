"""Migrations do not lock tables with a row a person for long: what docs/architecture.md says of them."""

import pytest
from django.apps import apps
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

LARGE = {
    *("usage.serveruseraccount", "usage.clouduser", "usage.cloudaddress", "usage.serveronlyperson"),
    *("licenses.consumedlicense", "licenses.licensedaccount", "licenses.licensechange"),
}
# Those of the first version, which find empty tables.
FIRST = {("usage", "0001"), *(("licenses", f"000{number}") for number in range(1, 6))}


def locks_for_long(migration: migrations.Migration) -> list[Operation]:
    """Operations of a migration that hold a large table while they look at each of its rows, or may."""
    return [each for each in migration.operations if _locks(each, migration)]


def _locks(operation: Operation, migration: migrations.Migration) -> bool:
    if isinstance(operation, migrations.RunPython | migrations.RunSQL):
        return migration.atomic
    name = getattr(operation, "model_name", "")
    if f"{migration.app_label}.{name}".lower() not in LARGE:
        return False
    if isinstance(operation, migrations.AddIndex):
        return not isinstance(operation, AddIndexConcurrently)
    if isinstance(operation, migrations.AddField):
        field = operation.field
        has_default = field.has_default() or field.db_default is not models.NOT_PROVIDED
        return bool(vars(field).get("db_index")) or field.unique or not (field.null or has_default)
    return isinstance(operation, migrations.AlterField | migrations.AddConstraint)


def test_no_later_migration_holds_a_large_table_for_long() -> None:
    loader = MigrationLoader(None)
    for (app, name), migration in sorted(loader.disk_migrations.items()):
        of_large_tables = {label.split(".")[0] for label in LARGE}
        if app in of_large_tables and (app, name[:4]) not in FIRST:
            assert not locks_for_long(migration), f"{app} {name}"


def test_what_is_not_atomic_does_one_thing_and_can_be_begun_again() -> None:
    """An operation that is committed, of a migration that is not noted yet, would be done twice."""
    for (app, name), migration in MigrationLoader(None).disk_migrations.items():
        assert migration.atomic or len(migration.operations) == 1, f"{app} {name}"


def test_the_large_tables_are_there() -> None:
    assert {model._meta.label_lower for model in apps.get_models()} >= LARGE


@pytest.mark.parametrize(
    ("operation", "atomic", "expected"),
    [
        (migrations.AddIndex("clouduser", models.Index(fields=["login"], name="x")), True, True),
        (AddIndexConcurrently("clouduser", models.Index(fields=["login"], name="x")), False, False),
        (migrations.AddField("clouduser", "x", models.TextField(null=True)), True, False),
        (migrations.AddField("clouduser", "x", models.TextField(null=True, db_index=True)), True, True),
        (migrations.AlterField("clouduser", "login", models.TextField()), True, True),
        (migrations.RunPython(migrations.RunPython.noop), True, True),
        (migrations.RunPython(migrations.RunPython.noop), False, False),
    ],
)
def test_what_is_found(operation: Operation, atomic: bool, expected: bool) -> None:
    later = type("Migration", (migrations.Migration,), {"operations": [operation], "atomic": atomic})
    migration = later("0099_later", "usage")
    assert bool(locks_for_long(migration)) is expected


@pytest.mark.django_db(transaction=True)
def test_an_index_that_was_left_half_done_is_made_anew() -> None:
    """As after a CREATE INDEX CONCURRENTLY that was interrupted: PostgreSQL keeps it, and takes it for nothing."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite makes an index in one step")
    loader = MigrationLoader(connection)
    [operation] = loader.get_migration("usage", "0002_uncounted").operations
    before, after = (loader.project_state([("usage", name)]) for name in ("0001_initial", "0002_uncounted"))
    ours = "pg_index {} WHERE indexrelid = 'server_account_uncounted'::regclass"
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {ours.format('SET indisvalid = false')}")
        with connection.schema_editor(atomic=False) as editor:
            operation.database_forwards("usage", editor, before, after)
        cursor.execute(f"SELECT indisvalid FROM {ours.format('')}")
        assert cursor.fetchone() == (True,)
