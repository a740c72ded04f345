"""Addresses are compared trimmed, casefolded and composed, and not otherwise."""

import sys
import unicodedata

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from licensesync.matching.addresses import address_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ana@octo.example", "\t ANA@Octo.Example\n"),
        ("ana@octo.example", "\u00a0ana@octo.example\u2003"),  # no-break and em space, as spreadsheets leave them
        ("josé@octo.example", "JOSE\u0301@octo.example"),
        ("straße@octo.example", "STRASSE@octo.example"),
        ("ΑΣ@octo.example", "ας@octo.example"),  # a final sigma is a sigma
        ("k@octo.example", "\u212a@octo.example"),  # the Kelvin sign is a k
        ("\u1fb3\u0301@octo.example", "\u03b1\u0301\u0345@octo.example"),  # accents in another order
    ],
)
def test_spellings_of_one_address_are_one_key(one: str, other: str) -> None:
    assert address_key(one) == address_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ana.c@octo.example", "anac@octo.example"),
        ("ana+git@octo.example", "ana@octo.example"),
        ("ana@bücher.example", "ana@xn--bcher-kva.example"),
        ("jose@octo.example", "josé@octo.example"),
        ("ana@octo.example", "ａna@octo.example"),  # a fullwidth a only resembles an a
        ("an a@octo.example", "ana@octo.example"),
    ],
)
def test_nothing_else_is_alike(one: str, other: str) -> None:
    assert address_key(one) != address_key(other)


def test_no_text_has_the_empty_key() -> None:
    assert address_key("") == address_key(" \t") == ""


@settings(deadline=None)
@given(st.text() | st.text("aAßÉe\u0301\u0345\u03b1ﬃİı \t\u00a0@."))
def test_the_key_of_a_key_is_the_key(text: str) -> None:
    assert address_key(address_key(text)) == address_key(text)


@settings(deadline=None)
@given(st.text() | st.text("aAßÉe\u0301\u03b1ﬃ \t@."))
def test_spaces_around_case_and_composition_change_nothing(text: str) -> None:
    # The iota below a Greek vowel folds to a letter of its own: folded before it is decomposed, it leaves its vowel.
    assume("\u0345" not in unicodedata.normalize("NFD", text))
    key = address_key(text)
    assert address_key(f" \t{text}\n") == key
    assert address_key(text.casefold()) == key
    assert address_key(unicodedata.normalize("NFD", text)) == key
    assert address_key(unicodedata.normalize("NFC", text)) == key


def test_the_key_of_a_key_is_the_key_for_every_character() -> None:
    for number in range(sys.maxunicode + 1):
        key = address_key(f"a{chr(number)}")
        assert address_key(key) == key, hex(number)
