"""The reader against Python's own, on texts whose windows end in awkward places."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensesync.errors import TRUNCATED, ExpectedError
from licensesync.feeds import json_stream
from licensesync.feeds.json_stream import JsonReader

LEAVES = st.none() | st.booleans() | st.integers(-9, 99) | st.text('a"\\{}[],é\U0001f600', max_size=6)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=12) | st.dictionaries(st.text("ab]}", max_size=2), inner, max_size=3)
)
ROWS = st.lists(st.fixed_dictionaries({"a": VALUES}), max_size=12)
PAGES = st.lists(st.fixed_dictionaries({"before": VALUES, "users": ROWS, "after": VALUES}), min_size=1, max_size=6)


def read(text: str, chunk: int) -> list[dict[str, Any]]:
    """The documents of a text that comes in chunks: `users` in windows, `before` as a value, all else left out."""
    reader = JsonReader(text[start : start + chunk] for start in range(0, len(text), chunk))
    documents: list[dict[str, Any]] = []
    for _ in reader.documents():
        document: dict[str, Any] = {}
        for key in reader.members():
            if key == "users":
                document[key] = [row for rows in reader.objects() for row in rows]
            elif key == "before":
                document[key] = reader.value()
            else:
                reader.skip()
        documents.append(document)
    return documents


def without_after(pages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in page.items() if key != "after"} for page in pages]


@pytest.mark.parametrize("separator", ["\n", ","])
@given(pages=PAGES, chunk=st.integers(1, 500), indent=st.none() | st.just(1))
def test_every_page_is_read_whole(separator: str, pages: list[dict[str, Any]], chunk: int, indent: int | None) -> None:
    texts = [json.dumps(page, ensure_ascii=False, indent=indent) for page in pages]
    text = separator.join(texts)
    with pytest.MonkeyPatch.context() as small:
        small.setattr(json_stream, "WINDOW", max(len(each.encode()) for each in texts))
        small.setattr(json_stream, "PIECE", 5)
        assert read(f"[{text}]" if separator == "," else text, chunk) == without_after(pages)


def test_what_is_no_json_is_not_scanned_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left out may be no JSON, and to find that out takes all that the buffer holds."""
    scanned = 0

    def scan(piece: str) -> tuple[Any, int]:
        nonlocal scanned
        scanned += len(piece)
        return real(piece)

    real = json_stream._SCAN
    monkeypatch.setattr(json_stream, "_SCAN", scan)
    pad = json.dumps(["x" * 1000] * (2 * json_stream.WINDOW // 1000))
    text = "{" + '"k":[x],' * 1000 + f'"pad":{pad},"users":[{{"a":1}}]' + "}"
    assert read(text, 64 * 1024) == [{"users": [{"a": 1}]}]
    assert scanned < 10 * len(text)


def test_a_long_text_does_not_make_what_follows_too_deep() -> None:
    deep = "[" * 150 + "]" * 150
    text = f'{{"l":"{"x" * 2 * json_stream.WINDOW}","d":{deep},"users":[{{"a":1}}]}}'
    assert read(text, 64 * 1024) == [{"users": [{"a": 1}]}]


@given(rows=ROWS.filter(len), chunk=st.integers(1, 500), data=st.data())
def test_what_ends_too_early_is_noticed(rows: list[dict[str, Any]], chunk: int, data: st.DataObject) -> None:
    text = json.dumps({"users": rows}, ensure_ascii=False)
    with pytest.raises(ExpectedError) as error:
        read(text[: data.draw(st.integers(1, len(text) - 1))], chunk)
    assert error.value.problem is TRUNCATED


def test_short_pages_whose_rows_end_as_lists_do() -> None:
    """Where the guesses fail on every page of many."""
    page = {"before": 1, "users": [{"a": [[{}]] * 9}], "after": []}
    text = "\n".join([json.dumps(page)] * 20_000)
    assert read(text, 1 << 19) == without_after([page]) * 20_000
