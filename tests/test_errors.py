"""Every sentence says what happened, what to do and what stays, in the tone of the product."""

import re

import pytest

from licensesync import errors
from licensesync.errors import PROBLEMS, SHRINKS_TOO_MUCH, WRONG_SHAPE, ExpectedError, Problem, filled, sentence
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


def test_a_stored_detail_reads_as_it_was_raised() -> None:
    error = ExpectedError(WRONG_SHAPE, number=1234, detail="its “%(field)s” is not text", field="name")
    assert "number 1234 of the file can’t be read: its “name” is not text." in str(error)
    assert "number 1,234 of the file can’t be read: its “name” is not text." in words.problem_of(error)
