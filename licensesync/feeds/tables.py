"""Rows of a CSV text in constant memory."""

import csv
from collections.abc import Iterator

from licensesync.errors import NOT_RECOGNISED, OTHER_COLUMNS, TOO_LONG_VALUE, TRUNCATED, WRONG_SHAPE, ExpectedError, _

MAX_ROW = 1024 * 1024  # characters
BLOCK = 256 * 1024  # characters after which a block of rows ends
MAX_COLUMNS = 1000
DELIMITERS = ",;\t"  # spreadsheets write semicolons where the comma is the decimal sign


class Table:
    """The heading of a CSV text, and its rows, all with the same number of columns. Blank rows are left out.

    Raises ExpectedError: TRUNCATED, WRONG_SHAPE (the number counts rows from 1, without the heading),
    TOO_LONG_VALUE; NOT_RECOGNISED for text that is no table.
    """

    def __init__(self, chunks: Iterator[str]) -> None:
        self._lines = _Lines(chunks)
        first = self._lines.peek()
        self._reader = csv.reader(self._lines, delimiter=max(DELIMITERS, key=first.count), strict=True)
        self._rows = 0
        self.heading: list[str] = []
        self.heading = self._next_row() or []
        if len(self.heading) > MAX_COLUMNS:
            raise ExpectedError(NOT_RECOGNISED)

    def blocks(self) -> Iterator[list[list[str]]]:
        """All rows, in lists that are never empty."""
        if not self._lines.line_is_complete:  # the heading has no end: some of its columns may be missing
            raise ExpectedError(TRUNCATED, read=0)
        block: list[list[str]] = []
        characters = 0
        while row := self._next_row():
            self._rows += 1
            if len(row) != len(self.heading):
                raise self._ragged(row)
            block.append(row)
            characters += self._lines.characters_of_row
            if characters > BLOCK:
                yield block
                block, characters = [], 0
        if block:
            yield block

    def _next_row(self) -> list[str] | None:
        while True:
            self._lines.characters_of_row = 0
            try:
                row = next(self._reader, None)
            except csv.Error as error:
                raise self._unreadable(error) from None
            if row is None or any(map(str.strip, row)):
                return row

    def _ragged(self, row: list[str]) -> ExpectedError:
        if len(row) < len(self.heading) and not self._lines.line_is_complete:
            return ExpectedError(TRUNCATED, read=self._rows - 1)
        counts = {"columns": len(row), "expected": len(self.heading)}
        return ExpectedError(WRONG_SHAPE, number=self._rows, detail=OTHER_COLUMNS, **counts)

    def _unreadable(self, error: csv.Error) -> ExpectedError:
        if self._lines.ended:  # it asked for one more line inside of quotation marks
            return ExpectedError(TRUNCATED, read=self._rows)
        if "field larger than field limit" in str(error):
            return ExpectedError(TOO_LONG_VALUE, limit=csv.field_size_limit())
        if not self.heading:
            return ExpectedError(NOT_RECOGNISED)
        detail = _("its quotation marks or line ends are not those of CSV")
        return ExpectedError(WRONG_SHAPE, number=self._rows + 1, detail=detail)


class _Lines:
    """Lines with their ends, and what the csv module does not tell about the row that it builds from them."""

    def __init__(self, chunks: Iterator[str]) -> None:
        self._lines = self._split(chunks)
        self._peeked: str | None = None
        self.characters_of_row = 0
        self.line_is_complete = True
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line, self._peeked = self._peeked or next(self._lines), None
        self.characters_of_row += len(line)
        if self.characters_of_row > MAX_ROW:  # a quotation mark that is never closed takes line after line
            raise ExpectedError(TOO_LONG_VALUE, limit=MAX_ROW)
        return line

    def peek(self) -> str:
        """The first line, without taking it."""
        self._peeked = next(self._lines)
        return self._peeked

    def _split(self, chunks: Iterator[str]) -> Iterator[str]:
        rest = ""
        for chunk in chunks:
            *lines, rest = (rest + chunk).split("\n")
            for line in lines:
                yield line + "\n"
            if len(rest) > MAX_ROW:
                raise ExpectedError(TOO_LONG_VALUE, limit=MAX_ROW)
        if rest:
            self.line_is_complete = False
            yield rest
        self.ended = True
