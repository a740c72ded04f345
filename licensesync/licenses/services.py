"""The only writer of licenses, counts and changes.

A count begins (`begin_count`) and ends (`finish_count`, or `abandon_count`) in `flows.turns`. Between them
`flows.consolidate` calls `writing_licenses`, in it `end_licenses` beside `write_accounts`, then `let_search_merge`,
`write_changes` and `tally`.
"""

from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

import numpy as np
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, Max, OuterRef
from django.utils import timezone

from licensesync.enterprises.models import Deployment, Enterprise, LicenseModel
from licensesync.licenses.compose import CLOUD, COLUMNS, SERVER, VERSION, Member, compose
from licensesync.licenses.index import Index
from licensesync.licenses.models import ConsumedLicense, Count, LicenseChange, LicenseIndex, LicenseType, Where
from licensesync.usage import bulk, guarded
from licensesync.usage.models import OPEN, valid_at
from licensesync.usage.services import discard_generation, forget, undo

OF_ENTERPRISE = "enterprise_id = %s"
GENERATIONAL = ("licenses_consumedlicense", "licenses_licensedaccount")
# What plans depend on; other columns are long.
PLANNED_BY = ("licenses_consumedlicense (enterprise_id, number, valid_from, valid_to)", "licenses_licensedaccount")
BATCH = 1_000  # licenses that are composed before the database gets them; few, so that it begins soon


class TurnLost(Exception):
    """Somebody else counts this enterprise now, as whoever had the turn was taken for dead; or nobody does any more."""


def begin_count(enterprise_id: int, *, owner: str) -> Count | None:
    """Take the turn to count this enterprise, None while somebody else has it. A constraint allows one at a time.

    TurnLost: it is being deleted. Who deletes it waits for whoever begins just now, and sees the count then.
    """
    with transaction.atomic():
        # As it is now: the job may have fetched for an hour since it was claimed.
        not_given_up = Enterprise.objects.filter(pk=enterprise_id, deleted_at__isnull=True)
        enterprise = not_given_up.select_for_update(no_key=True).first()
        if enterprise is None:
            raise TurnLost
        return _new_count(enterprise, owner)


def _new_count(enterprise: Enterprise, owner: str) -> Count | None:
    last = Count.objects.filter(enterprise=enterprise, finished_at__isnull=False).order_by("-generation").first()
    try:
        with transaction.atomic():
            return Count.objects.create(
                enterprise=enterprise,
                generation=(last.generation if last else 0) + 1,
                next_number=last.next_number if last else 1,
                owner=owner,
                composition=VERSION,
            )
    except IntegrityError:
        return None


def composes_as_before(enterprise: Enterprise) -> bool:
    """Whether the licenses of the count that everybody sees were composed as they would be now."""
    shown = Count.objects.filter(enterprise=enterprise, generation=enterprise.generation)
    return shown.filter(composition=VERSION).exists()


def unfinished_count(enterprise: Enterprise) -> Count | None:
    return Count.objects.filter(enterprise=enterprise, finished_at__isnull=True).first()


def take_over(count: Count, *, owner: str) -> bool:
    """Make the unfinished count of a dead owner ours and take back what it wrote. False: somebody was faster, or its
    owner still holds the row, like a process that was frozen in the middle of a transaction."""
    ours = Count.objects.filter(pk=count.pk, owner=count.owner, finished_at__isnull=True)
    if not bulk.unless_held(lambda: ours.update(owner=owner)):
        return False
    count.owner = owner
    with guarded.by(lambda: check_turn(count)):
        _take_back(count)
    return True


def check_turn(count: Count) -> None:
    """Raise TurnLost unless the count is still its owner's. Within a transaction it stays so until the end: whoever
    takes it over waits for every connection of the owner; these share the lock."""
    lock = "" if bulk.is_sqlite() else "FOR SHARE"
    held = f"SELECT id FROM licenses_count WHERE id = %s AND owner = %s AND finished_at IS NULL {lock}"
    if bulk.value(held, [count.pk, count.owner]) is None:
        raise TurnLost


def abandon_count(count: Count) -> None:
    """Take back what an unfinished count of ours has written, then give the turn away."""
    with guarded.by(lambda: check_turn(count)):
        _take_back(count)
    give_turn_away(count)


def give_turn_away(count: Count) -> None:
    """End an unfinished count of ours of which nothing is written."""
    Count.objects.filter(pk=count.pk, owner=count.owner, finished_at__isnull=True).delete()


def _take_back(count: Count) -> None:
    discard_generation(count.enterprise, count.generation)
    for table in GENERATIONAL:
        undo(table, OF_ENTERPRISE, count.enterprise, count.generation)
    for model in (LicenseChange, LicenseIndex):
        with guarded.writing():
            model._default_manager.filter(enterprise=count.enterprise, generation=count.generation).delete()
    let_search_merge()


@contextmanager
def writing_licenses(
    count: Count, *, since: datetime, is_first_list: bool, progress: bulk.Progress
) -> Iterator["array[int]"]:
    """Write the row of every license that is new or not as it was. Gives the numbers of the licenses whose old row is
    replaced, and so ends; in the block PostgreSQL still takes the last rows.

    `since` is the date of the list that is being counted, for new licenses; `is_first_list`: they may be older.
    """
    members = f"""
        SELECT p.number, m.kind, m.rule, m.ambiguous, m.deployment_id, m.user_id,
            COALESCE(s.login, c.login), COALESCE(s.name, c.name), COALESCE(s.email, c.saml_name_id),
            s.dormant, s.two_factor, c.facts, c.identity_addresses,
            m.old_number, o.digest, o.since, o.since_or_before, o.since_generation
        FROM member m
        JOIN person p ON p.person = m.person
        LEFT JOIN usage_serveruseraccount s ON m.kind = {SERVER} AND s.id = m.row_id
        LEFT JOIN usage_clouduser c ON m.kind <> {SERVER} AND c.id = m.row_id
        LEFT JOIN licenses_consumedlicense o
            ON o.enterprise_id = %(enterprise)s AND o.number = m.old_number AND o.valid_to = {OPEN}
        ORDER BY p.number, m.kind, m.deployment_id, m.user_id"""
    columns = (
        *COLUMNS, "since", "since_or_before", "since_generation", "enterprise_id", "valid_from", "valid_to",
    )  # fmt: skip
    new = (bulk.stored_time(since), is_first_list, count.generation)
    last = (count.enterprise_id, count.generation, OPEN)
    people = (
        compose([Member._make(member) for member in person])
        for _, person in groupby(bulk.stream_ahead(members, {"enterprise": count.enterprise_id}), key=itemgetter(0))
    )
    ending = array("q")
    done = 0
    with guarded.appending("licenses_consumedlicense", columns) as append:
        while batch := list(islice(people, BATCH)):
            changed = [license for license in batch if license is not None]
            append((*license.row, *(license.since or new), *last) for license in changed)
            ending.extend(license.row.number for license in changed if license.since)
            done += len(batch)
            progress(done)
        yield ending


def gone() -> Iterator[int]:
    """The numbers of the licenses that nobody has any more, after `people.find_moves`."""
    numbers = "SELECT DISTINCT number FROM parted o WHERE NOT EXISTS (SELECT 1 FROM person p WHERE p.number = o.number)"
    return (number for (number,) in bulk.stream(numbers))


def end_licenses(count: Count, numbers: Iterable[int]) -> None:
    """Let the old rows of these licenses end with this count."""
    bulk.new_temporary_table("ending", "number bigint")
    bulk.load_temporary("ending", ("number",), ((number,) for number in numbers))
    if bulk.is_sqlite():
        bulk.execute("CREATE INDEX temp.ending_number ON ending (number)")
    bulk.analyze("ending")
    guarded.write_until_done(
        f"""UPDATE licenses_consumedlicense SET valid_to = %s WHERE id IN (
                SELECT l.id FROM licenses_consumedlicense l JOIN ending e ON e.number = l.number
                WHERE l.enterprise_id = %s AND l.valid_to = {OPEN} AND l.valid_from < %s LIMIT %s)""",
        [count.generation, count.enterprise_id, count.generation],
    )


def let_search_merge() -> None:
    """Let PostgreSQL's index for searches merge the rows that were written or taken back."""
    bulk.merge_pending("license_search")


def write_accounts(count: Count) -> None:
    """Bring up to date which account belongs to which license, where it changed."""
    guarded.write_until_done(
        f"""UPDATE licenses_licensedaccount SET valid_to = %s WHERE id IN (
                SELECT a.id FROM parted o JOIN licenses_licensedaccount a ON a.id = o.id AND a.valid_to = {OPEN}
                LIMIT %s)""",
        [count.generation],
    )
    columns = ("number", "deployment_id", "user_id", "enterprise_id", "valid_from", "valid_to")
    new = f"""SELECT number, deployment_id, user_id, CAST(%(enterprise)s AS bigint),
                     CAST(%(generation)s AS integer), {OPEN}
              FROM joined ORDER BY number"""  # sorted they go into the indexes in two thirds of the time
    params = {"enterprise": count.enterprise_id, "generation": count.generation}
    insert = f"INSERT INTO licenses_licensedaccount ({', '.join(columns)})"
    if bulk.is_sqlite():  # in short turns
        guarded.load("licenses_licensedaccount", columns, bulk.stream(new, params))
    else:
        guarded.write(f"{insert} {new}", params)


def write_changes(count: Count, *, at: datetime, first_new: int, is_first_list: bool) -> None:
    """Note who came, went, merged or split, and which accounts joined or left a license.

    Numbers from `first_new` on are new licenses. With the first list of a deployment nobody "came" and no account was
    added: they were there before, we just did not know.
    """
    kind = LicenseChange.Kind
    params: dict[str, Any] = {
        "enterprise": count.enterprise_id,
        "generation": count.generation,
        "at": bulk.stored_time(at),
        "first_new": first_new,
    }
    columns = "(enterprise_id, generation, at, number, kind, other_number, deployment_id, user_id, name, login)"
    head = f"SELECT %(enterprise)s, %(generation)s, {bulk.time_parameter('%(at)s')},"
    old_row = """licenses_consumedlicense l ON l.enterprise_id = %(enterprise)s AND l.number = g.number
        AND l.valid_from < %(generation)s AND l.valid_to >= %(generation)s"""
    new_row = f"""licenses_consumedlicense l ON l.enterprise_id = %(enterprise)s AND l.number = g.number
        AND l.valid_to = {OPEN}"""
    lives_on = "EXISTS (SELECT 1 FROM person p WHERE p.number = {})"
    statements = [
        # Gone: into the license that holds one of its accounts now, or altogether.
        f"""{head} g.number, CASE WHEN g.heir IS NULL THEN '{kind.WENT}' ELSE '{kind.MERGED}' END, g.heir,
                g.deployment_id, NULL, l.name, l.login
            FROM (SELECT o.number, min(j.number) AS heir, min(o.deployment_id) AS deployment_id FROM parted o
                  LEFT JOIN joined j ON j.deployment_id = o.deployment_id AND j.user_id = o.user_id
                  WHERE NOT {lives_on.format("o.number")} GROUP BY o.number) g
            JOIN {old_row}""",
        # New: out of a license that lives on, else of one that merged, or altogether.
        f"""{head} g.number, CASE WHEN g.origin IS NULL THEN '{kind.CAME}' ELSE '{kind.SPLIT}' END, g.origin,
                g.deployment_id, NULL, l.name, l.login
            FROM (SELECT j.number, COALESCE(min(p.number), min(j.old_number)) AS origin,
                      min(j.deployment_id) AS deployment_id
                  FROM joined j LEFT JOIN person p ON p.number = j.old_number
                  WHERE j.number >= %(first_new)s GROUP BY j.number
                  {"HAVING min(j.old_number) IS NOT NULL" if is_first_list else ""}) g
            JOIN {new_row}""",
        # An account joined a license that was there before.
        f"""{head} j.number, '{kind.ACCOUNT_ADDED}', NULL, j.deployment_id, j.user_id, '',
                COALESCE(s.login, c.login)
            FROM joined j
            LEFT JOIN usage_serveruseraccount s ON j.kind = {SERVER} AND s.id = j.row_id
            LEFT JOIN usage_clouduser c ON j.kind = {CLOUD} AND c.id = j.row_id
            WHERE j.number < %(first_new)s
            AND ({"" if is_first_list else "j.old_number IS NULL OR "}{lives_on.format("j.old_number")})""",
        # An account left a license that lives on.
        f"""{head} o.number, '{kind.ACCOUNT_GONE}', NULL, o.deployment_id, o.user_id, '', ''
            FROM parted o
            WHERE {lives_on.format("o.number")} AND NOT EXISTS (
                SELECT 1 FROM joined j WHERE j.deployment_id = o.deployment_id AND j.user_id = o.user_id
                AND j.number >= %(first_new)s)""",
    ]
    written = 0
    for statement in statements:
        written += guarded.write(f"INSERT INTO licenses_licensechange {columns} {statement}", params)
    if written:
        # Whoever asks who came and who went has each compared with the others: PostgreSQL must know how many they are.
        bulk.analyze("licenses_licensechange")


def tally(count: Count, index: Index, *, next_number: int) -> dict[int, int]:
    """Add up the count from its index; gives the number of people by the one deployment that they are on."""
    is_visual_studio = index.mask(f"type:{LicenseType.VISUAL_STUDIO.value}")
    by_where = {
        where: int(np.count_nonzero(index.mask(f"where:{where}") & ~is_visual_studio)) for where in Where.values
    }
    count.cloud_only = by_where[Where.CLOUD]
    count.cloud_and_server = by_where[Where.BOTH]
    count.server_only = by_where[Where.SERVER]
    count.visual_studio = int(np.count_nonzero(is_visual_studio))
    count.consumed = sum(by_where.values()) + count.visual_studio
    count.next_number = next_number
    return {int(deployment): index.count(f"only:{deployment}") for deployment in index.values("only")}


def finish_count(count: Count) -> None:
    """Save the count as a point of the usage history. In one transaction with the move of `Enterprise.generation`, and
    with the lock on its row: the seats may have been changed while everybody was counted."""
    enterprise = Enterprise.objects.get(pk=count.enterprise_id)
    count.purchased = None if enterprise.license_model == LicenseModel.METERED else enterprise.purchased
    count.finished_at = timezone.now()
    count.save()


def end_counts(enterprise: Enterprise) -> None:
    """Nobody counts an enterprise any more: whoever is at it can't write from now on."""
    Count.objects.filter(enterprise=enterprise).delete()


def forget_enterprise(enterprise: Enterprise) -> int:
    """Delete all licenses of an enterprise and its history, in short turns; gives how many rows."""
    changes = f"SELECT id FROM licenses_licensechange WHERE {OF_ENTERPRISE} LIMIT %s"
    rows = guarded.write_until_done(f"DELETE FROM licenses_licensechange WHERE id IN ({changes})", [enterprise.pk])
    return rows + forget_superseded(enterprise, OPEN)


def forget_superseded(enterprise: Enterprise, generation: int) -> int:
    """Delete the rows that ended at `generation` or earlier, and what such counts were searched by; gives how many
    rows."""
    LicenseIndex.objects.filter(enterprise=enterprise, generation__lt=generation).delete()  # names, on SQLite
    return sum(forget(table, OF_ENTERPRISE, enterprise, generation) for table in GENERATIONAL)


def forget_history(*, before: datetime) -> None:
    """Delete the points and changes of counts from before; the count that everybody sees stays. Names go where none are
    to be kept."""
    for enterprise in Enterprise.objects.all():
        if not enterprise.keeps_names:
            # What stands there then is what a license without a profile name is called by: its login, else an address.
            named = LicenseChange.objects.filter(enterprise=enterprise).exclude(name=F("login"))
            named.exclude(login="", name__contains="@").update(name=F("login"))
        old = Count.objects.filter(enterprise=enterprise, finished_at__lt=before)
        # By their counts: `at` is the date of a list, which may have been old when it was counted.
        last = old.aggregate(last=Max("generation"))["last"] or 0
        LicenseChange.objects.filter(enterprise=enterprise, generation__lte=last).delete()
        old.filter(generation__lt=enterprise.generation).delete()


def forget_deployment(deployment: Deployment) -> None:
    """Take the names and accounts of a deployment out of the history; that somebody came or went stays counted."""
    changes = LicenseChange.objects.filter(deployment=deployment)
    changes.filter(kind__in=(LicenseChange.Kind.ACCOUNT_ADDED, LicenseChange.Kind.ACCOUNT_GONE)).delete()
    # Of the count that everybody sees: the next one may be on its way, and its rows end before the new ones are there.
    lives_on = ConsumedLicense.objects.filter(
        valid_at(deployment.enterprise.generation), enterprise=deployment.enterprise_id, number=OuterRef("number")
    )
    changes.exclude(Exists(lives_on)).update(name="", login="")
