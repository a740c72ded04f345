"""The index beside sorting and counting in plain Python."""

import random

import numpy as np
import pytest

from licensesync.licenses import index
from licensesync.licenses.index import FEW, SORTS, Index

SIZE = 6_000  # more than `in_order` looks at first
ORDERS = [*SORTS, *(f"-{sort}" for sort in SORTS)]


@pytest.fixture(scope="module")
def made() -> Index:
    """Licenses with gaps between their numbers."""
    chance = random.Random(1)
    numbers = sorted(chance.sample(range(1, SIZE), SIZE * 9 // 10))
    by_name, by_email = chance.sample(numbers, len(numbers)), chance.sample(numbers, len(numbers))
    groups: dict[tuple[str, int, int, str], list[int]] = {}
    for number in numbers:
        generation = chance.randrange(1, 5)
        facets = f"where:{chance.choice(['cloud', 'both', 'server'])}\ntype:enterprise\nmail:{number % 3}.example"
        groups.setdefault((facets, chance.randrange(1, 4), generation, f"2026-03-0{generation}"), []).append(number)
    arrays = ((*group, np.array(members, np.uint32)) for group, members in groups.items())
    return index.build(arrays, np.array(by_name, np.uint32), np.array(by_email, np.uint32))


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
