"""`manage.py import_usage`: take usage files in, in the foreground, as the upload form does with a worker."""

import json
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from licensesync.config.management.enterprise import enterprise_of
from licensesync.enterprises import deployments
from licensesync.errors import NOTHING_CHANGED, ExpectedError, sentence
from licensesync.flows.import_files import Imported, import_files
from licensesync.licenses.queries import current_count
from licensesync.syncing.models import FileState, JobState
from licensesync.syncing.queries import stays_of


class Command(BaseCommand):
    help = "Take usage files of an enterprise in and count again. Prints a JSON line per file."
    requires_system_checks: list[str] = []  # which load every page and the whole API

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("enterprise", help="the slug of the enterprise")
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--server", metavar="HOST", help="the instance that a site-admin report is from")
        parser.add_argument("--accept-older", action="store_true", help="use a file older than the list that is there")
        parser.add_argument(
            "--accept-shrink", action="store_true", help="use a list that removes or replaces many accounts"
        )

    def handle(self, *_: Any, enterprise: str, files: list[Path], server: str | None, **options: Any) -> None:
        ours = enterprise_of(enterprise)
        if missing := [str(file) for file in files if not file.exists()]:
            raise CommandError(f"There is no such file: {', '.join(missing)}.")
        if others := [str(file) for file in files if not file.is_file()]:
            raise CommandError(f"Not a regular file: {', '.join(others)}. Give the file itself, no folder and no pipe.")
        try:
            failures = []
            for imported in import_files(
                enterprise=ours,
                paths=files,
                host=deployments.host_name(server) if server else "",
                accept_older=options["accept_older"],
                accept_shrink=options["accept_shrink"],
            ):
                self.stdout.write(json.dumps(outcome(imported), ensure_ascii=False))
                if problem := problem_of(imported):
                    failures.append(f"{imported.file.name}: {problem}")
        except ExpectedError as error:
            raise CommandError(str(error)) from error
        if failures:
            raise CommandError("\n".join(failures))


def outcome(imported: Imported) -> dict[str, Any]:
    """What became of one file. Where it became no list, the counts are null and `problem` says why. A list that is
    there already adds, changes and removes nothing: `licenses` are those of today."""
    file, job = imported.file, imported.job
    taken = job if job and file.state == FileState.ACCEPTED and job.state == JobState.SUCCESS else None
    figures = dict.fromkeys(("accounts_read", "added", "changed", "removed", "licenses"))
    if taken:
        figures = {
            "accounts_read": taken.accounts_read,
            "added": taken.accounts_added,
            "changed": taken.accounts_changed,
            "removed": taken.accounts_removed,
            "licenses": taken.licenses_after,
        }
    if taken and file.brought_nothing_new:
        count = current_count(file.enterprise)
        figures |= {"added": 0, "changed": 0, "removed": 0, "licenses": count and count.consumed}
    return {
        "file": file.name,
        "source": str(file.deployment) if file.deployment else None,
        "state": job.state if job else JobState.FAILURE,
        **figures,
        "invalid_emails": taken.invalid_emails if taken else 0,
        "ignored_keys": taken.ignored_keys if taken else {},
        "looks_like": str(taken.looks_like) if taken and taken.looks_like else None,
        "seconds": round(imported.seconds, 3),
        "problem": problem_of(imported) or None,
    }


def problem_of(imported: Imported) -> str:
    """Why a file is not in, "" when it is."""
    file, job = imported.file, imported.job
    if file.problem_code:
        return sentence(file.problem_code, file.problem_params, in_script=True, stays=NOTHING_CHANGED)
    if job is None:
        return "A worker has taken the file meanwhile. Its outcome, or its question, is on the License page."
    return sentence(job.problem_code, job.problem_params, in_script=True, stays=stays_of(job))
