"""The index beside sorting and counting in plain Python."""

import random

import numpy as np
import pytest

from licensesync.licenses import index
from licensesync.licenses.facets import beginnings
from licensesync.licenses.index import FEW, SORTS, Alike, Index

SIZE = 6_000  # more than `in_order` looks at first
ORDERS = [*SORTS, *(f"-{sort}" for sort in SORTS)]


def words_of(number: int) -> str:
    """Some have none, some have letters of other scripts, and one letter is the whole of a word."""
    words = ("ana", "anders", "a", "bo", "b", "王小明", "王", "𐐷𐐷x", "77123", "ömer")
    return " ".join(random.Random(number).sample(words, number % 4))


@pytest.fixture(scope="module")
def made() -> Index:
    """Licenses with gaps between their numbers."""
    chance = random.Random(1)
    numbers = sorted(chance.sample(range(1, SIZE), SIZE * 9 // 10))
    by_name, by_email = chance.sample(numbers, len(numbers)), chance.sample(numbers, len(numbers))
    groups: dict[tuple[str, int, int, str], list[int]] = {}  # what is alike first in an Alike
    for number in numbers:
        generation = chance.randrange(1, 5)
        facets = f"where:{chance.choice(['cloud', 'both', 'server'])}\ntype:enterprise\nmail:{number % 3}.example"
        groups.setdefault((facets, chance.randrange(1, 4), generation, f"2026-03-0{generation}"), []).append(number)
    alike = (
        Alike(
            *group,
            np.array(members, np.uint32),
            index.NEXT.join(beginnings(words_of(number).split()) for number in members),
        )
        for group, members in groups.items()
    )
    texts = index.texts_of((number, f" {words_of(number)}") for number in by_name)
    return index.build(alike, np.array(by_name, np.uint32), np.array(by_email, np.uint32), texts)


@pytest.mark.parametrize("share", [1, 2, FEW - 5, FEW * 2, SIZE])
@pytest.mark.parametrize("sort", ORDERS)
def test_some_in_an_order(made: Index, sort: str, share: int) -> None:
    """Nearly all, some, few, and nobody: whichever way is shorter, they come as they stand among everybody."""
    chance = random.Random(share)
    members = np.zeros(made.size, np.bool_)
    members[[number for number in made.by_name.tolist() if share < SIZE and chance.randrange(share) == 0]] = True

    expected = [number for number in made.order(sort).tolist() if members[number]]
    assert made.in_order(members, sort).tolist() == expected
    for most in (0, 1, 26, SIZE):
        assert made.in_order(members, sort, most).tolist() == expected[:most]


def test_who_has_none_of_some_facets(made: Index) -> None:
    for domains in ((), ("0.example",), ("0.example", "1.example"), ("0.example",)):
        left = {number for number in made.by_name.tolist() if f"{number % 3}.example" not in domains}
        assert set(np.flatnonzero(made.without(tuple(f"mail:{each}" for each in domains))).tolist()) == left


@pytest.mark.parametrize(
    "word", ["a", "an", "b", "bo", "bx", "王", "王小", "𐐷𐐷", "𐐷", "7", "77", "ö", "z", "\U0010ffff"]
)
@pytest.mark.parametrize("is_stored", [False, True])
def test_who_has_a_word_that_begins_so(made: Index, word: str, is_stored: bool) -> None:
    there = index.from_bytes(made.to_bytes()) if is_stored else made
    expected = [n for n in sorted(made.by_name.tolist()) if any(w.startswith(word) for w in words_of(n).split())]
    assert np.flatnonzero(there.beginning(word)).tolist() == expected


@pytest.mark.parametrize("word", ["ana", "nder", " a", "a b", "小明", "𐐷x", "712", "ömer", "zz"])
@pytest.mark.parametrize("is_stored", [False, True])
def test_who_has_a_word_anywhere(made: Index, word: str, is_stored: bool) -> None:
    there = index.from_bytes(made.to_bytes()) if is_stored else made
    expected = [number for number in sorted(made.by_name.tolist()) if word in f" {words_of(number)}"]
    found = there.texts.of(word).tolist()
    assert sorted(found) == expected  # each once


def test_nobody_has_a_word_that_begins_so_where_nobody_is() -> None:
    nobody = np.empty(0, np.uint32)
    assert not index.build((), nobody, nobody, index.NO_TEXTS).beginning("a").any()
    somebody = np.array([1], np.uint32)
    without_words = index.build([Alike("", 1, 1, "2026", somebody, "")], somebody, somebody, index.texts_of([(1, "")]))
    assert not without_words.beginning("a").any()
    assert len(without_words.texts.of("ana")) == 0


def test_who_has_no_email_comes_last_and_by_name() -> None:
    by_name, by_email = np.array([3, 1, 4, 2, 5], np.uint32), np.array([2, 5, 1, 3, 4], np.uint32)
    with_email, without = (np.array(numbers, np.uint32) for numbers in ([1, 2], [3, 4, 5]))
    alike = [Alike("type:enterprise", 1, 1, "2026", with_email, ""), Alike("email:none", 1, 1, "2026", without, "")]
    assert index.build(alike, by_name, by_email, index.NO_TEXTS).order("email").tolist() == [2, 1, 3, 4, 5]
