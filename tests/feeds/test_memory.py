"""A file is never held as a whole, not even as its accounts. Measured from outside, by the kernel."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from licensesync.errors import NOT_RECOGNISED

from .writing import REPORT_HEADING

MIB = 1024 * 1024
ACCOUNTS = 200_000

MEASURE = """
import sys
from pathlib import Path
from licensesync.errors import ExpectedError
from licensesync.feeds import ReadReport, read_server_accounts, recognise

def peak_kib():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

path, before, report = Path(sys.argv[1]), peak_kib(), ReadReport()
"""
READ = f"""{MEASURE}
recognition = recognise(path, max_unpacked_bytes=2**30)
for batch in read_server_accounts(path, recognition, report, max_unpacked_bytes=2**30, max_accounts=10**6):
    pass
print(recognition.rows, report.rows, peak_kib() - before)
"""
RECOGNISE = f"""{MEASURE}
try:
    recognise(path, max_unpacked_bytes=2**30)
except ExpectedError as error:
    print(error.problem.code, peak_kib() - before)
"""


def export_lines() -> Iterator[str]:
    yield '{"server_id":"a","users":['
    for number in range(1, ACCOUNTS + 1):
        account = {"id": number, "login": f"user{number}", "name": "x" * 80, "emails": [f"user{number}@example.com"]}
        yield json.dumps(account) + ("," if number < ACCOUNTS else "]}")


def report_lines() -> Iterator[str]:
    yield REPORT_HEADING
    for number in range(1, ACCOUNTS + 1):
        yield f"2013-05-08 05:06:27 UTC,{number},u{number},u{number}@example.com,user,false,,3,1,2,false,,raw,true"


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("lines", [export_lines, report_lines])
def test_memory_is_constant(tmp_path: Path, lines: Callable[[], Iterator[str]]) -> None:
    path = tmp_path / "usage"
    path.write_text("\n".join(lines()))
    assert path.stat().st_size > 15 * MIB
    recognised, read, peak_kib = map(int, said_by(READ, path))
    assert recognised == read == ACCOUNTS
    assert peak_kib * 1024 < 40 * MIB  # the accounts take 200 MiB together


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_accounts_as_large_as_they_may_be(tmp_path: Path) -> None:
    addresses = [f"{number}@o.example" for number in range(40_000)]
    accounts = ({"id": number, "login": f"user{number}", "emails": addresses} for number in range(1, 61))
    path = tmp_path / "usage.json"
    path.write_text(f'{{"server_id":"a","users":[{",".join(map(json.dumps, accounts))}]}}')
    recognised, read, peak_kib = map(int, said_by(READ, path))
    assert recognised == read == 60
    assert peak_kib * 1024 < 120 * MIB  # the accounts take 500 MiB together


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_facts_that_are_nothing_but_brackets_do_not_stay(tmp_path: Path) -> None:
    """A file of 18 MB that packs into 20 KB; each of its values would take 16 MiB."""
    path = tmp_path / "usage.json"
    brackets = f"[{','.join(['[]'] * 250_000)}]"
    facts = ("server_id", "host", "customer", "version", "license", "public_key", "timestamp", "features")
    unknown = (f"key{number}" for number in range(16))
    documents = [f'{{"instance":{{"{key}":{brackets}}}}}' for key in (*facts, *unknown)]
    path.write_text(f"[{','.join(documents)}]")
    problem, peak_kib = said_by(RECOGNISE, path)
    assert problem == NOT_RECOGNISED.code
    assert int(peak_kib) * 1024 < 60 * MIB  # two at a time


def said_by(program: str, path: Path) -> list[str]:
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    return done.stdout.split()
