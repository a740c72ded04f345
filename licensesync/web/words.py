"""Facts in the reader's language: problems, and what became of a job."""

import contextlib
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.utils.formats import date_format, number_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from licensesync.enterprises.models import Deployment
from licensesync.errors import FIGURES_STAY, PROBLEMS, ExpectedError, filled
from licensesync.matching.explain import Sentence
from licensesync.syncing.models import JobKind, JobState, LicenseSyncJob, Phase
from licensesync.syncing.queries import stays_of

IDENTIFIERS = ("job", "file", "user_id")  # numbers that are names, so without separators
MOMENTS = ("file_date", "stored_date")  # stored as ISO 8601, as exactly as they are told
LETTERS_TO_THE_MINUTE = len("2026-11-28T10:00+00:00")


def number(value: int) -> str:
    return number_format(value, force_grouping=True)


def signed(change: int) -> str:
    """A change: +12, −3 or ±0."""
    return f"+{number(change)}" if change > 0 else number(change).replace("-", "−") if change else "±0"


def moment(value: datetime, *, to_the_second: bool = False) -> str:
    """As evidence is told: to the minute, where that is enough."""
    return date_format(localtime(value), _("M j, Y, H:i:s") if to_the_second else _("M j, Y, H:i"))


def readable(params: Mapping[str, str | int]) -> dict[str, str]:
    """The parameters of a sentence as the reader writes numbers and dates."""
    return {name: _readable(name, value) for name, value in params.items()}


def _readable(name: str, value: str | int) -> str:
    if name in MOMENTS:
        with contextlib.suppress(ValueError, OverflowError):
            return moment(datetime.fromisoformat(str(value)), to_the_second=len(str(value)) > LETTERS_TO_THE_MINUTE)
    return number(value) if isinstance(value, int) and name not in IDENTIFIERS else str(value)


def problem(code: str, params: Mapping[str, str | int], *, stays: str = FIGURES_STAY) -> str:
    """The sentence of an expected error, "" without one."""
    known = PROBLEMS.get(code)
    return filled(known.sentence, params, _, ngettext, readable, stays=stays) if known else ""


def problem_of(error: ExpectedError, *, stays: str = FIGURES_STAY) -> str:
    return filled(error.problem.sentence, error.params, _, ngettext, readable, stays=stays)


def problem_of_job(job: LicenseSyncJob) -> str:
    """Why a job failed, or has to try again; "" for any other."""
    return problem(job.problem_code, job.problem_params, stays=stays_of(job))


def halves(job: LicenseSyncJob) -> tuple[str, str]:
    """What happened, and the rest. Cut as a template: what a certificate is called by has full stops too."""
    whole = problem_of_job(job)
    known = PROBLEMS.get(job.problem_code)
    if known is None:
        return whole, ""

    def first(sentences: str) -> str:
        return sentences.partition(". ")[0]

    def first_of(one: str, many: str, count: int) -> str:
        return first(ngettext(one, many, count))

    happened = filled(
        known.sentence, job.problem_params, lambda text: first(_(text)), first_of, readable, stays=stays_of(job)
    )
    happened = happened.removesuffix(".") + "."
    return happened, whole.removeprefix(happened).lstrip()


def explained(sentence: Sentence) -> str:
    """A sentence of `matching.explain` or `licenses.completeness`."""
    template = ngettext(sentence.one, sentence.many, sentence.count) if sentence.many else _(sentence.one)
    return template % readable(sentence.params)


def short_host(deployment: Deployment, others: Iterable[Deployment]) -> str:
    """A host beside the other hosts of its enterprise, "" for the cloud: its first label, where that tells it from
    them. An IP address is short already."""
    first = deployment.host.partition(".")[0]
    is_shared = any(each.host != deployment.host and each.host.partition(".")[0] == first for each in others)
    return deployment.host if is_shared or first.isdigit() or ":" in first else first


def licenses_more_or_less(job: LicenseSyncJob) -> str:
    """What a finished job changed in the total."""
    if job.licenses_after is None:
        return ""
    if job.licenses_before is None:
        after = job.licenses_after
        return ngettext("%(n)s license in all.", "%(n)s licenses in all.", after) % {"n": number(after)}
    more = job.licenses_after - job.licenses_before
    if more > 0:
        return ngettext("%(n)s license more than before.", "%(n)s licenses more than before.", more) % {
            "n": number(more)
        }
    if more < 0:
        return ngettext("%(n)s license fewer than before.", "%(n)s licenses fewer than before.", -more) % {
            "n": number(-more)
        }
    return _("No license more or less than before.")


def done(job: LicenseSyncJob) -> str:
    """The outcome of a job that succeeded."""
    counts = {
        "source": job.deployment,
        "read": number(job.accounts_read or 0),
        "added": number(job.accounts_added or 0),
        "changed": number(job.accounts_changed or 0),
        "removed": number(job.accounts_removed or 0),
        "suspended": number(job.accounts_suspended or 0),
    }
    if job.kind == JobKind.IDENTITIES:
        read = ngettext(
            "%(source)s: linked identities of %(read)s account read, %(changed)s of them new, changed or gone.",
            "%(source)s: linked identities of %(read)s accounts read, %(changed)s of them new, changed or gone.",
            job.accounts_read or 0,
        )
    elif job.deployment.is_server:
        read = ngettext(
            "%(source)s: %(read)s account read, %(added)s new, %(changed)s changed, %(removed)s gone, "
            "%(suspended)s suspended.",
            "%(source)s: %(read)s accounts read, %(added)s new, %(changed)s changed, %(removed)s gone, "
            "%(suspended)s suspended.",
            job.accounts_read or 0,
        )
    else:
        read = ngettext(
            "%(source)s: %(read)s account read, %(added)s new, %(changed)s changed, %(removed)s gone.",
            "%(source)s: %(read)s accounts read, %(added)s new, %(changed)s changed, %(removed)s gone.",
            job.accounts_read or 0,
        )
    return f"{read % counts} {licenses_more_or_less(job)}".rstrip()


def same_list(job: LicenseSyncJob) -> str:
    """The outcome of a file that brought what `job` had taken in before."""
    return _("%(source)s: the same list as that of %(date)s. No account and no license has changed.") % {
        "source": job.deployment,
        "date": moment(job.finished_at) if job.finished_at else "–",
    }


def outcome(job: LicenseSyncJob) -> str:
    """What became of a job, with the name of its source; "" while it is open."""
    match job.state:
        case JobState.SUCCESS:
            return done(job)
        case JobState.FAILURE:
            said = {"source": job.deployment, "problem": problem_of_job(job)}
            return _("%(source)s: %(problem)s") % said
        case JobState.CANCELED:
            return canceled(job)
    return ""


def canceled(job: LicenseSyncJob) -> str:
    return problem_of_job(job) or _("Canceled. Nothing was changed.")


def left_out(job: LicenseSyncJob) -> list[str]:
    """What a list held that was not taken, what it does not say, and what looks odd; nothing of it is wrong."""
    sentences = []
    if job.unused_subscriptions:
        sentences.append(
            ngettext(
                "%(n)s of them is a Visual Studio subscription that no cloud account uses: no account, and no "
                "license of its own.",
                "%(n)s of them are Visual Studio subscriptions that no cloud account uses: no accounts, and no "
                "licenses of their own.",
                job.unused_subscriptions,
            )
            % {"n": number(job.unused_subscriptions)}
        )
    if job.invalid_emails:
        sentences.append(
            ngettext(
                "%(n)s account has an e-mail that isn’t valid; it is kept as “No e-mail”.",
                "%(n)s accounts have an e-mail that isn’t valid; they are kept as “No e-mail”.",
                job.invalid_emails,
            )
            % {"n": number(job.invalid_emails)}
        )
    if job.ignored_keys:
        names = sorted(job.ignored_keys)
        shown = ", ".join(name[:40] for name in names[:5])
        more = len(names) - 5
        if more > 0:
            shown = ngettext("%(names)s and %(more)s more", "%(names)s and %(more)s more", more) % {
                "names": shown,
                "more": more,
            }
        sentences.append(_("Not needed and left out: %(names)s.") % {"names": shown})
    if job.forgets_dormancy:
        sentences.append(
            _(
                "It does not say who is dormant, so nobody is shown as dormant there any more. The site-admin report "
                "(all_users.csv) says it."
            )
        )
    if job.kind == JobKind.FILE and job.accept_shrink and (job.accounts_removed or job.accounts_changed):
        sentences.append(
            _("To take that back, add the list from before once more. It asks, and brings back who was there.")
        )
    if job.looks_like:
        sentences.append(
            _(
                "Most of them are on %(other)s as well, with the same user ids and logins. If the two are one server, "
                "delete the one whose name is wrong: accounts that leave it would stay there for ever."
            )
            % {"other": job.looks_like}
        )
    return sentences


def progress(job: LicenseSyncJob) -> str:
    """What an open job does now, in half a sentence."""
    if job.state == JobState.PENDING and job.phase == Phase.WAITING_FOR_COUNT:
        return _("starts as soon as another count of this enterprise is done")
    if job.state == JobState.PENDING and job.phase in WAITS:
        waits = _(WAITS[Phase(job.phase)]) % {"time": date_format(localtime(job.not_before), _("H:i"))}
        happened, _advice = halves(job) if job.phase == Phase.RETRYING else ("", "")
        return f"{waits} ({happened.removesuffix('.')})" if happened else waits
    return {
        Phase.WAITING: _("waiting to start") if job.state == JobState.PENDING else _("starting"),
        Phase.FETCHING: _("fetching"),
        Phase.WAITING_FOR_REPORT: _("the server builds its report"),
        Phase.RATE_LIMITED: _("GitHub asks us to slow down"),
        Phase.RETRYING: _("waiting a moment to try again"),
        Phase.READING: _("reading accounts"),
        Phase.COMPARING: _("comparing with the last list"),
        Phase.WAITING_FOR_COUNT: _("waiting for another count of this enterprise"),
        Phase.MATCHING: _("matching people"),
        Phase.COUNTING: _("writing licenses"),
        Phase.DELETING: _("deleting accounts"),
    }[Phase(job.phase)]


WAITS = {
    Phase.WAITING_FOR_REPORT: gettext_noop("the server builds its report; goes on by itself at %(time)s"),
    Phase.RATE_LIMITED: gettext_noop("GitHub asks us to slow down; goes on by itself at %(time)s"),
    Phase.RETRYING: gettext_noop("tries again by itself at %(time)s"),
}


def progress_count(job: LicenseSyncJob) -> str:
    """N of m, or n where m is not known, or ""."""
    if not (job.progress_done or job.progress_total):
        return ""
    if job.state == JobState.PENDING:
        return _kept(job)
    done, total = job.progress_done, job.progress_total
    if job.phase == Phase.FETCHING and job.deployment.is_server:
        return _("%(n)s KB") % {"n": number(done // 1024)}
    params = {"n": number(done), "m": number(total or 0)}
    if job.phase == Phase.FETCHING:
        of_m = ngettext("%(n)s of %(m)s page", "%(n)s of %(m)s pages", total or 0)
        only_n = ngettext("%(n)s page", "%(n)s pages", done)
    elif job.phase in (Phase.MATCHING, Phase.COUNTING):
        of_m = ngettext("%(n)s of %(m)s person", "%(n)s of %(m)s people", total or 0)
        only_n = ngettext("%(n)s person", "%(n)s people", done)
    else:
        of_m = ngettext("%(n)s of %(m)s account", "%(n)s of %(m)s accounts", total or 0)
        only_n = ngettext("%(n)s account", "%(n)s accounts", done)
    return (of_m if total else only_n) % params


def _kept(job: LicenseSyncJob) -> str:
    """What a fetch that waits has so far."""
    if job.deployment.is_server or not job.progress_total:
        return ""
    kept = ngettext("kept so far: %(n)s of %(m)s page", "kept so far: %(n)s of %(m)s pages", job.progress_total)
    return kept % {"n": number(job.progress_done), "m": number(job.progress_total)}
