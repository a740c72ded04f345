#!/usr/bin/env python
"""The one entry: `uv run manage.py up` runs the product, `uv run manage.py help` lists the rest."""

import errno
import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import DatabaseError

from licensesync.config import data_dir_from, version
from licensesync.config.environment import refuse_mistyped_directory

# What storage says that is not ours, full, broken, or not to be written.
STORAGE = (errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


def main() -> None:
    try:
        try:
            run()
        finally:
            if sys.stdout:  # None where it was closed from the beginning
                sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python would complain when it ends


def run() -> None:
    """Take `--data-dir DIR` off any command line (settings need it before a command is known), then run Django."""
    os.umask(0o077)  # the data directory may be one that others can look into; what we put there is for us alone
    sys.argv = data_dir_from(sys.argv)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "licensesync.config.settings")
    if "--version" in sys.argv or sys.argv[1:2] == ["version"]:  # Django would tell its own
        sys.stdout.write(f"LicenseSync {version()}\n")
        return
    try:
        refuse_mistyped_directory(sys.argv)
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(str(error))  # a sentence for whoever set the environment; a traceback would hide it
    except DatabaseError as error:
        from licensesync.config.unprepared import why_not  # noqa: PLC0415 - models need the settings first

        sentence = why_not(error, migrates=sys.argv[1:2] in (["migrate"], ["up"]))
        if not sentence:
            raise
        sys.exit(sentence)
    except OSError as error:
        if error.errno not in STORAGE:
            raise
        sys.exit(f"{error.filename or 'A file'} can't be used: {error.strerror}. Check its owner, and its disk.")
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        sys.exit(130)  # as shells have it
    finally:
        if sys.stdout and (sys.argv[1:2] == ["help"] or {"-h", "--help"} & {*sys.argv}):
            sys.stdout.write("\nEvery command takes --data-dir DIR: where everything is kept (default: ./var).\n")


if __name__ == "__main__":
    main()
