"""Everybody is counted again: match, number, write.

Called with a new list already written for the next generation. Nothing of it is visible before `turns.flip`, the one
short transaction that moves `Enterprise.generation`.
"""

from collections.abc import Callable
from datetime import datetime

from licensesync.enterprises.models import Deployment
from licensesync.licenses import affected, indexing, people, services
from licensesync.licenses.models import Count
from licensesync.syncing.models import Phase
from licensesync.usage import bulk, guarded
from licensesync.usage import services as usage
from licensesync.usage.queries import total_accounts

# Beyond this share of changed accounts, looking at everybody is cheaper than finding out whom it concerns; and of those
# of one deployment, PostgreSQL plans for too few.
SHARE_FOR_ALL = 0.2

Report = Callable[[Phase, int, int | None], None]  # phase, done, total; may raise to stop the work


def count_again(
    count: Count,
    deployment: Deployment,
    *,
    changed: int,
    host: str,
    list_date: datetime,
    is_first_list: bool,
    report: Report,
) -> dict[int, int]:
    """Write the licenses of the next generation; gives the people who are only on one deployment, by deployment.

    `changed` is how many accounts the list of `deployment` added, changed or removed; `host` its name by that list.
    """
    enterprise = count.enterprise
    everybody = total_accounts(enterprise_id=enterprise.pk)
    # Under a new name GitHub's links lead to other accounts, changed or not.
    is_renamed = host != deployment.host
    few = not is_renamed and changed < everybody * SHARE_FOR_ALL
    only_affected = enterprise.generation > 0 and few and services.composes_as_before(enterprise)
    report(Phase.MATCHING, 0, None)
    people.note_hosts(enterprise, {deployment.pk: host} if host else {})
    if only_affected:
        only_affected = affected.find_affected(
            enterprise, deployment, count.generation, progress=lambda: report(Phase.MATCHING, 0, None)
        )
    # Of a deployment that reports for the first time PostgreSQL expects no row at all.
    is_much_new = not only_affected or changed > deployment.accounts * SHARE_FOR_ALL
    if is_much_new:
        bulk.analyze(*usage.PLANNED_BY)
    people.match_people(enterprise, only_affected=only_affected, progress=lambda n: report(Phase.MATCHING, n, None))
    first_new = count.next_number
    next_number = people.number_people(enterprise, only_affected=only_affected, next_number=first_new)
    total = people.count_people()

    def writing(done: int) -> None:
        report(Phase.COUNTING, done, total)

    with guarded.beside() as beside:
        with services.writing_licenses(count, since=list_date, is_first_list=is_first_list, progress=writing) as ending:
            people.find_moves(enterprise, only_affected=only_affected)
            ending.extend(services.gone())
            beside(lambda: services.end_licenses(count, ending))
            services.write_accounts(count)
        index = beside(lambda: indexing.write_index(enterprise, count.generation))
        services.let_search_merge()
        services.write_changes(count, at=list_date, first_new=first_new, is_first_list=is_first_list)
    if is_much_new:
        bulk.analyze(*services.PLANNED_BY)
    return services.tally(count, index(), next_number=next_number)
