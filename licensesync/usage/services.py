"""The only writer of what deployments report. Rows are written for the next generation and closed for it; nobody sees
them before `Enterprise.generation` moves (`usage.models`)."""

from array import array
from collections.abc import Callable, Iterable
from datetime import datetime

from django.db import IntegrityError

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.feeds import records
from licensesync.usage import bulk, guarded
from licensesync.usage.models import OPEN, ServerUserAccount
from licensesync.usage.queries import of_enterprise
from licensesync.usage.staging import (
    CLOUD_FACTS,
    SERVER_FACTS,
    check_each_comes_once,
    new_cloud_facts,
    new_server_facts,
    server_rows,
)

# Every table of this app whose rows carry generations, and how a row belongs to an enterprise.
OF_DEPLOYMENT = f"deployment_id {of_enterprise()}"
GENERATIONAL = {
    # The addresses first: they hang on their cloud user.
    "usage_cloudaddress": f"cloud_user_id IN (SELECT id FROM usage_clouduser WHERE {OF_DEPLOYMENT})",
    "usage_clouduser": OF_DEPLOYMENT,
    "usage_serveruseraccount": OF_DEPLOYMENT,
    "usage_serveronlyperson": OF_DEPLOYMENT,
}
# What plans depend on; other columns are long.
PLANNED_BY = (
    "usage_serveruseraccount (deployment_id, user_id, address, consumes, valid_from, valid_to)",
    "usage_clouduser (deployment_id, user_id, key, consumes, valid_from, valid_to)",
    "usage_cloudaddress",
    "usage_serveronlyperson (deployment_id, key, valid_from, valid_to)",
)


def has_accounts(server: Deployment) -> bool:
    """Whether there is a list with which another can be compared."""
    return ServerUserAccount.objects.filter(deployment=server, valid_to=OPEN).exists()


def write_first_list(
    server: Deployment,
    read: Callable[[], Iterable[list[records.ServerUserAccount]]],
    *,
    generation: int,
    list_date: datetime,
    progress: bulk.Progress,
) -> int:
    """Write the accounts of a server that has none while they are read, valid from `generation` on; gives how many.

    ExpectedError where a user id comes twice: then `read` is asked once more.
    """
    columns = ("deployment_id", "user_id", *SERVER_FACTS, "other_emails_at", "first_seen", "valid_from", "valid_to")
    since, others = bulk.stored_time(list_date), SERVER_FACTS.index("other_emails")
    count = 0
    try:
        with guarded.appending("usage_serveruseraccount", columns) as append:
            for batch in read():
                count += append(
                    (server.pk, user_id, *facts, facts[others] and since, generation, generation, OPEN)
                    for _line, user_id, *facts in server_rows(batch, count)
                )
                progress(count)
    except IntegrityError:
        user_ids = array("q")
        for batch in read():
            user_ids.extend([account.user_id for account in batch])
            progress(count)  # notices that the job is canceled
        check_each_comes_once(user_ids)
        raise
    return count


def apply_server_diff(deployment: Deployment, *, generation: int, list_date: datetime, progress: bulk.Progress) -> None:
    """Write what `staging.compare_server_list` found, valid from `generation` on."""
    same_others = f"s.other_emails IS NULL OR NOT (s.other_emails {bulk.differs()} a.other_emails)"
    guarded.write_by_line(
        f"""INSERT INTO usage_serveruseraccount
                (deployment_id, user_id, {", ".join(SERVER_FACTS)}, other_emails_at, first_seen, valid_from, valid_to)
            SELECT %s, s.user_id, {", ".join(new_server_facts(deployment).values())},
                CASE WHEN {same_others} THEN a.other_emails_at ELSE {bulk.time_parameter("%s")} END,
                COALESCE(a.first_seen, %s), %s, {OPEN}
            FROM account_diff d
            JOIN staged s ON s.line = d.line
            LEFT JOIN usage_serveruseraccount a ON a.id = d.old_id
            WHERE d.line BETWEEN %s AND %s""",
        [deployment.pk, bulk.stored_time(list_date), generation, generation],
        lines=_lines("staged"),
        progress=progress,
    )
    _close("usage_serveruseraccount", "id", "account_diff", generation)


def apply_cloud_diff(deployment: Deployment, *, generation: int, progress: bulk.Progress) -> None:
    """Write what `staging.compare_cloud_list` or `.compare_identities` found, valid from `generation` on."""
    highest = bulk.value(
        "SELECT COALESCE(max(user_id), 0) FROM usage_clouduser WHERE deployment_id = %s", [deployment.pk]
    )
    guarded.write_by_line(
        f"""INSERT INTO usage_clouduser
                (deployment_id, user_id, key, {", ".join(CLOUD_FACTS)}, first_seen, valid_from, valid_to)
            SELECT %s, COALESCE(a.user_id, %s + s.line), s.key, {", ".join(new_cloud_facts().values())},
                COALESCE(a.first_seen, %s), %s, {OPEN}
            FROM account_diff d
            JOIN staged s ON s.line = d.line
            LEFT JOIN usage_clouduser a ON a.id = d.old_id
            WHERE d.line BETWEEN %s AND %s""",
        [deployment.pk, highest, generation, generation],
        lines=_lines("staged"),
        progress=progress,
    )
    guarded.write_by_line(
        f"""INSERT INTO usage_cloudaddress (cloud_user_id, kind, address, user_id, valid_from, valid_to)
            SELECT c.id, n.kind, n.address, n.user_id, %s, {OPEN}
            FROM account_diff d
            JOIN staged s ON s.line = d.line
            JOIN staged_address n ON n.line = d.line
            JOIN usage_clouduser c ON c.deployment_id = %s AND c.key = s.key AND c.valid_from = %s
            WHERE d.line BETWEEN %s AND %s""",
        [generation, deployment.pk, generation],
        lines=_lines("staged"),
        progress=progress,
    )
    guarded.write_by_line(
        f"""INSERT INTO usage_serveronlyperson
                (deployment_id, key, server_user_ids, server_emails, valid_from, valid_to)
            SELECT %s, s.key, s.server_user_ids, s.server_emails, %s, {OPEN}
            FROM person_diff d JOIN staged_person s ON s.line = d.line
            WHERE d.line BETWEEN %s AND %s""",
        [deployment.pk, generation],
        lines=_lines("staged_person"),
        progress=progress,
    )
    _close("usage_cloudaddress", "cloud_user_id", "account_diff", generation)
    _close("usage_clouduser", "id", "account_diff", generation)
    _close("usage_serveronlyperson", "id", "person_diff", generation)


def end_all(deployment: Deployment, *, generation: int) -> int:
    """Let everything end that a deployment reported, from `generation` on; gives how many accounts."""
    cloud_users = "cloud_user_id IN (SELECT id FROM usage_clouduser WHERE deployment_id = %s)"
    ours = dict.fromkeys(GENERATIONAL, "deployment_id = %s") | {"usage_cloudaddress": cloud_users}
    ended = {
        table: guarded.write_until_done(
            f"""UPDATE {table} SET valid_to = %s WHERE id IN (
                    SELECT id FROM {table} WHERE {is_ours} AND valid_to = {OPEN} LIMIT %s)""",
            [generation, deployment.pk],
        )
        for table, is_ours in ours.items()
    }
    return ended["usage_serveruseraccount"] + ended["usage_clouduser"]


def _lines(staged: str) -> int:
    return int(bulk.value(f"SELECT COALESCE(max(line), 0) FROM {staged}"))


def _close(table: str, column: str, diff: str, generation: int) -> None:
    """Let the rows end that a list has replaced or no longer has."""
    guarded.write_until_done(
        f"""UPDATE {table} SET valid_to = %s WHERE id IN (
                SELECT t.id FROM {table} t JOIN {diff} d ON d.old_id = t.{column}
                WHERE t.valid_to = {OPEN} LIMIT %s)""",
        [generation],
    )


def discard_generation(enterprise: Enterprise, generation: int) -> None:
    """Undo what an attempt that never ended wrote for `generation`."""
    for table, is_ours in GENERATIONAL.items():
        undo(table, is_ours, enterprise, generation)


def undo(table: str, is_ours: str, enterprise: Enterprise, generation: int) -> None:
    """Take back the rows of one table that were written or closed for `generation`."""
    ours = f"SELECT id FROM {table} WHERE {is_ours}"
    guarded.write_until_done(
        f"DELETE FROM {table} WHERE id IN ({ours} AND valid_from = %s LIMIT %s)", [enterprise.pk, generation]
    )
    guarded.write_until_done(
        f"UPDATE {table} SET valid_to = {OPEN} WHERE id IN ({ours} AND valid_to = %s LIMIT %s)",
        [enterprise.pk, generation],
    )


def forget_superseded(enterprise: Enterprise, generation: int) -> int:
    """Delete the rows that ended at `generation` or earlier; gives how many."""
    return sum(forget(table, is_ours, enterprise, generation) for table, is_ours in GENERATIONAL.items())


def forget(table: str, is_ours: str, enterprise: Enterprise, generation: int) -> int:
    """Delete the rows of one table that ended at `generation` or earlier."""
    return guarded.write_until_done(
        f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {is_ours} AND valid_to <= %s LIMIT %s)",
        [enterprise.pk, generation],
    )
