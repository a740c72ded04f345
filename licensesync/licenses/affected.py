"""Which accounts a new list can have moved: the closed set around the changed ones.

Two accounts are neighbours when they share an address, old or new, when GitHub's list links one to the other, or when
they had one license. Nobody outside the set can have another license than before, so a count only looks at the set.

Temporary tables of one connection:
    affected_server, affected_cloud  ids of rows, the ended ones of this list among them; `round` in which they came
    affected_address, affected_license  the addresses and license numbers seen on the way
"""

from collections.abc import Callable

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.usage import bulk
from licensesync.usage.models import OPEN, CloudAddress
from licensesync.usage.queries import of_enterprise

OURS = of_enterprise("%(enterprise)s")
LINK = int(CloudAddress.Kind.SERVER_ACCOUNT)

# How the set grows: each takes what came in round `now` and adds what is new with the next round.
FROM_SERVERS = (
    (
        "affected_address",
        """SELECT s.address FROM affected_server x JOIN usage_serveruseraccount s ON s.id = x.id
           WHERE x.round = %(now)s AND s.address <> ''""",
    ),
    (
        "affected_cloud",
        f"""SELECT a.cloud_user_id FROM affected_server x
            JOIN usage_serveruseraccount s ON s.id = x.id
            JOIN host h ON h.deployment_id = s.deployment_id
            JOIN usage_cloudaddress a ON a.address = h.host AND a.user_id = s.user_id AND a.kind = {LINK}
            JOIN usage_clouduser c ON c.id = a.cloud_user_id
            WHERE x.round = %(now)s AND a.valid_to = {OPEN} AND c.deployment_id {OURS}""",
    ),
)
FROM_CLOUD = (
    (
        "affected_address",
        f"""SELECT a.address FROM affected_cloud x JOIN usage_cloudaddress a ON a.cloud_user_id = x.id
            WHERE x.round = %(now)s AND a.kind <> {LINK}""",
    ),
    (
        "affected_server",
        f"""SELECT s.id FROM affected_cloud x
            JOIN usage_cloudaddress a ON a.cloud_user_id = x.id AND a.kind = {LINK}
            JOIN host h ON h.host = a.address
            JOIN usage_serveruseraccount s ON s.deployment_id = h.deployment_id AND s.user_id = a.user_id
            WHERE x.round = %(now)s AND s.valid_to = {OPEN}""",
    ),
)
FROM_ADDRESSES = (
    (
        "affected_server",
        f"""SELECT s.id FROM affected_address x JOIN usage_serveruseraccount s ON s.address = x.id
            WHERE x.round = %(now)s AND s.valid_to = {OPEN} AND s.deployment_id {OURS}""",
    ),
    (
        "affected_cloud",
        f"""SELECT c.id FROM affected_address x
            JOIN usage_cloudaddress a ON a.address = x.id AND a.kind <> {LINK}
            JOIN usage_clouduser c ON c.id = a.cloud_user_id
            WHERE x.round = %(now)s AND a.valid_to = {OPEN} AND c.deployment_id {OURS}""",
    ),
)


# The two kinds of accounts: the temporary table of their ids, and the table of their rows.
SERVER, CLOUD = ("affected_server", "usage_serveruseraccount"), ("affected_cloud", "usage_clouduser")

TO_LICENSES = tuple(
    (
        "affected_license",
        f"""SELECT a.number FROM {affected} x JOIN {rows} r ON r.id = x.id
            JOIN licenses_licensedaccount a ON a.deployment_id = r.deployment_id AND a.user_id = r.user_id
            WHERE x.round = %(now)s AND a.valid_to = {OPEN}""",
    )
    for affected, rows in (SERVER, CLOUD)
)
FROM_LICENSES = tuple(
    (
        affected,
        f"""SELECT r.id FROM affected_license x
            JOIN licenses_licensedaccount a ON a.enterprise_id = %(enterprise)s AND a.number = x.id
            JOIN {rows} r ON r.deployment_id = a.deployment_id AND r.user_id = a.user_id
            WHERE x.round = %(now)s AND a.valid_to = {OPEN} AND r.valid_to = {OPEN}""",
    )
    for affected, rows in (SERVER, CLOUD)
)

# A round goes from people to those beside them, so people need two or three, unless somebody has made a chain of them.
MOST_ROUNDS = 50

STEPS = (*FROM_SERVERS, *FROM_CLOUD, *FROM_ADDRESSES, *TO_LICENSES, *FROM_LICENSES)


def find_affected(
    enterprise: Enterprise, deployment: Deployment, generation: int, *, progress: Callable[[], None]
) -> bool:
    """Fill the tables, from the rows that the list of `deployment` wrote or ended for `generation`.

    False: they hang together over so many addresses that looking at everybody is the shorter way. `progress` is called
    in each round, and may raise to stop the work.
    """
    for table in ("affected_server", "affected_cloud", "affected_license"):
        bulk.new_temporary_table(table, "id bigint PRIMARY KEY, round integer")
    bulk.new_temporary_table("affected_address", "id text PRIMARY KEY, round integer")
    params = {"enterprise": enterprise.pk, "deployment": deployment.pk, "generation": generation}
    for table, rows in (SERVER, CLOUD):
        for changed in ("valid_from", "valid_to"):
            bulk.execute(
                f"""INSERT INTO {table} (id, round) SELECT r.id, 0 FROM {rows} r
                    WHERE r.deployment_id = %(deployment)s AND r.{changed} = %(generation)s ON CONFLICT DO NOTHING""",
                params,
            )
    now, grew = 0, True
    while grew:
        if now == MOST_ROUNDS:
            return False
        progress()
        bulk.analyze("affected_server", "affected_cloud", "affected_address", "affected_license")
        grew = False
        for table, found in STEPS:
            count = bulk.execute(
                f"INSERT INTO {table} (id, round) SELECT DISTINCT f.*, %(next)s FROM ({found}) f WHERE true "
                "ON CONFLICT DO NOTHING",
                {**params, "now": now, "next": now + 1},
            )
            grew = grew or count > 0
        now += 1
    return True
