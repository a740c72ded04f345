"""Every sentence says what happened, what to do and what stays, in the tone of the product."""

import re

import pytest

from licensesync import errors
from licensesync.errors import (
    LIST_INCOMPLETE,
    NOT_ANSWERING,
    PAGES_MISSING,
    PROBLEMS,
    REPORT_TAKES_TOO_LONG,
    SHRINKS_TOO_MUCH,
    TOO_MANY_PEOPLE,
    TRUNCATED,
    WRONG_SHAPE,
    ExpectedError,
    Problem,
    filled,
    ngettext,
    sentence,
)
from licensesync.web import words

EVERY = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=lambda problem: problem.code)

WHAT_STAYS = re.compile(
    r"Nothing was (changed|stored)|%\(stays\)s|stay(s)? (in use|as)|no accounts|newer one counts|always|already"
)
WHAT_TO_DO = re.compile(
    r"\b(Add|Ask|Change|Choose|Confirm|Connect|Download|Enter|Export|Fetch|Free|Make|Pack|Renew|Save|Say|Sign|Test|Try|Unpack|Write|confirm|"
    r"nothing is left to do)\b"
)
NEVER = re.compile(
    r"!|\b(invalid|oops|sorry|please|illegal|fatal|exception|error|wrong file|you must)\b", re.IGNORECASE
)


def test_there_are_some() -> None:
    assert len(PROBLEMS) > 60
    assert len(PROBLEMS) == sum(isinstance(value, Problem) for value in vars(errors).values()), "a code is used twice"


@EVERY
def test_it_is_whole_sentences_in_our_tone(problem: Problem) -> None:
    assert problem.sentence.endswith(".")
    assert len(problem.sentence) < 300
    assert not NEVER.search(problem.sentence)
    assert "'" not in problem.sentence, "an apostrophe is ’"
    assert '"' not in problem.sentence, "quotation marks are “ ”"


@EVERY
def test_it_says_what_stays_and_what_to_do(problem: Problem) -> None:
    assert WHAT_STAYS.search(problem.sentence)
    assert WHAT_TO_DO.search(problem.sentence)


@EVERY
def test_options_of_scripts_are_told_to_scripts_only(problem: Problem) -> None:
    assert not re.search(r"--(?!help)", problem.sentence)
    assert "script" not in problem.sentence.lower()
    assert not problem.in_script or "--" in problem.in_script


def test_a_script_is_told_its_option() -> None:
    params: dict[str, str | int] = {"removed": 30, "before": 40, "source": "ghes.example"}
    assert "--accept-shrink" not in words.problem(SHRINKS_TOO_MUCH.code, params)
    assert "--accept-shrink" not in sentence(SHRINKS_TOO_MUCH.code, params)
    assert sentence(SHRINKS_TOO_MUCH.code, params, in_script=True).endswith("--accept-shrink confirms it.")


def test_a_detail_is_translated_too_and_then_filled() -> None:
    translations = {"%(n)s: %(detail)s.": "Nr. %(n)s: %(detail)s!", "no “%(field)s”": "kein „%(field)s“"}

    def translate(text: str) -> str:
        return translations.get(text, text)

    params: dict[str, str | int] = {"n": 7, "detail": "no “%(field)s”", "field": "login"}
    assert filled("%(n)s: %(detail)s.", params, translate) == "Nr. 7: kein „login“!"


OF_ONE_LICENSE: dict[str, str | int] = {"rows": 0, "total": 1, "missing": 1}


@pytest.mark.parametrize(
    ("problem", "params", "one", "many", "count"),
    [
        (TRUNCATED, {"read": 1}, "after 1 account.", "after 1,234 accounts.", "read"),
        (TOO_MANY_PEOPLE, {"limit": 1}, "more than 1 account.", "more than 1,234 accounts.", "limit"),
        (PAGES_MISSING, OF_ONE_LICENSE, "0 of 1 consumed license (", "0 of 1,234 consumed licenses (", "total"),
        (LIST_INCOMPLETE, OF_ONE_LICENSE, "0 of 1 consumed license (", "0 of 1,234 consumed licenses (", "total"),
        (REPORT_TAKES_TOO_LONG, {"source": "a", "minutes": 1}, "after 1 minute.", "after 1,234 minutes.", "minutes"),
        (NOT_ANSWERING, {"host": "a", "seconds": 1}, "within 1 second.", "within 1,234 seconds.", "seconds"),
        (
            WRONG_SHAPE,
            {
                "number": 2,
                "detail": "it has %(columns)s columns instead of %(expected)s",  # as it is stored
                "columns": 1,
                "expected": 14,
            },
            "it has 1 column instead of 14.",
            "it has 1,234 columns instead of 14.",
            "columns",
        ),
    ],
    ids=lambda value: value.code if isinstance(value, Problem) else None,
)
def test_a_count_of_one_reads_well(
    problem: Problem, params: dict[str, str | int], one: str, many: str, count: str
) -> None:
    error, more = ExpectedError(problem, **params), ExpectedError(problem, **{**params, count: 1234})
    assert one in str(error)
    assert one in sentence(problem.code, params)
    assert one in words.problem_of(error)
    assert many.replace(",", "") in str(more)
    assert many in words.problem_of(more)


def test_a_language_decides_by_the_count_which_form_it_is() -> None:
    text = ngettext("%(n)s Datei", "%(n)s Dateien", by="n")

    def forms(one: str, many: str, count: int) -> str:
        return f"{one}|{many}|{count}"

    assert filled(text, {"n": 1234}, str, forms, words.readable) == "1,234 Datei|1,234 Dateien|1234"


def test_a_stored_detail_reads_as_it_was_raised() -> None:
    error = ExpectedError(WRONG_SHAPE, number=1234, detail="its “%(field)s” is not text", field="name")
    assert "number 1234 of the file can’t be read: its “name” is not text." in str(error)
    assert "number 1,234 of the file can’t be read: its “name” is not text." in words.problem_of(error)
