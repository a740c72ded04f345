from typing import Any

from django.db import connection, migrations, transaction

BATCH = 5_000


def beginnings(search: str) -> str:
    return "".join(dict.fromkeys([word[:2] if len(word) > 1 else f"{word} " for word in search.split()]))


def fill(apps: Any, _schema: Any) -> None:
    """What words begin with, of the rows that have words and no beginnings yet; then every index is made anew, by
    whoever asks for it first."""
    licenses = apps.get_model("licenses", "ConsumedLicense").objects
    empty, last = licenses.filter(beginnings="").exclude(search="").order_by("pk").values_list("pk", "search"), 0
    while rows := list(empty.filter(pk__gt=last)[:BATCH]):
        filled = [(beginnings(search), pk) for pk, search in rows]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany("UPDATE licenses_consumedlicense SET beginnings = %s WHERE id = %s", filled)
        last = rows[-1][0]
    apps.get_model("licenses", "LicenseIndex").objects.all().delete()


class Migration(migrations.Migration):
    atomic = False  # and alone: broken off, it is begun again where it was

    dependencies = [
        ("licenses", "0007_beginnings"),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
