"""Walk through a large JSON text in constant memory, its long list in windows that msgspec decodes.

A window ends where an element ends. That place is guessed from its last closing braces: if `[` + window + `]` is
valid JSON, the window ends exactly between two elements. When the guesses fail, the elements are found one by one, for
as long a piece of the text as the guesses have looked at in vain: so time grows with the text, whatever is in it.
"""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from licensesync.errors import NOT_RECOGNISED, TOO_DEEP, TOO_LONG_VALUE, TRUNCATED, WRONG_SHAPE, ExpectedError, _

WINDOW = 1024 * 1024  # bytes; also the most that one account, or one value outside of the list, may take
MAX_DEPTH = 100
GUESSES = 8
PIECE = 4096  # bytes: most elements are shorter

_SPACE = re.compile(rb"[ \t\r\n]*+")
_COMMA = re.compile(rb"[ \t\r\n]*+,[ \t\r\n]*+")
_END_OF_LIST = re.compile(rb"\}[ \t\r\n]*+\]")
_STRING_BODY = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_SCALAR = re.compile(rb'[^ \t\r\n,:"{}\[\]]++')
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+("?)|[{}\[\]]|' + _SCALAR.pattern, re.DOTALL)

# The only one that says where a value ends. It is lenient, and numbers may be of any length, so msgspec decides.
_SCAN = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode
_ANY = msgspec.json.Decoder()
_RAW = msgspec.json.Decoder(msgspec.Raw)
_RAW_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT = msgspec.json.Decoder(dict[str, Any])
_OBJECTS = msgspec.json.Decoder(list[dict[str, Any]])


class JsonReader:
    """A place in a JSON text. Whoever is given a key or an element must take or skip its value before going on.

    Raises ExpectedError: TRUNCATED where the text ends too early; NOT_RECOGNISED, or WRONG_SHAPE once elements were
    read, where it is no JSON; TOO_DEEP; TOO_LONG_VALUE.
    """

    def __init__(self, chunks: Iterator[str]) -> None:
        self._chunks = chunks
        self._buffer = b""
        self._at = 0
        self._ended = False
        self._to_walk = 0  # bytes before an end of a window is guessed again
        self.elements = 0  # elements of lists read so far

    def documents(self) -> Iterator[None]:
        """Stand before each top-level object: a single one, or the pages of a list.

        Pages stand in an array (`gh api --paginate --slurp`) or one after the other (`gh api --paginate`).
        """
        if self.peek() == b"[":
            self._take(b"[")
            yield
            while self._take(b",]") == b",":
                yield
        else:
            yield
            while self.peek() == b"{":
                yield
        if self.peek():
            raise self._malformed()

    def members(self) -> Iterator[str]:
        """The keys of the object that starts here, each with its value ahead."""
        self._take(b"{")
        if self.peek() == b"}":
            self._take(b"}")
            return
        while True:
            if self.peek() not in (b'"', b""):
                raise self._malformed()
            key = self.value()
            self._take(b":")
            yield key
            if self._take(b",}") == b"}":
                return

    def value(self) -> Any:
        """Decode the value that starts here; of at most `WINDOW` bytes."""
        if (end := self._find_end()) < 0:
            end = _end_by_brackets(self._buffer, self._at)
        if end < 0:
            raise self._truncated() if self._ended else ExpectedError(TOO_LONG_VALUE, limit=WINDOW)
        try:
            value = _ANY.decode(self._buffer[self._at : end])
        except RecursionError:
            raise ExpectedError(TOO_DEEP) from None
        except ValueError:
            raise self._malformed() from None
        self._at = end
        return value

    def skip(self) -> None:
        """Leave out the value that starts here, however long: of a long one only its strings and brackets are looked
        at."""
        if self._to_walk <= 0:
            if (end := self._find_end()) >= 0:
                self._at = end
                return
            self._to_walk = WINDOW
        depth = 0
        while True:
            first = self.peek()
            self._to_walk -= 1
            if first == b'"':
                self._skip_string()
            elif first in (b"{", b"["):
                depth += 1
                self._at += 1
            elif first in (b"}", b"]", b",", b":"):
                if depth == 0:
                    raise self._malformed()
                depth -= first in (b"}", b"]")
                self._at += 1
            else:
                self._skip_scalar()
            if depth == 0:
                return
            if depth > MAX_DEPTH:
                raise ExpectedError(TOO_DEEP)

    def objects(self) -> Iterator[list[dict[str, Any]]]:
        """The list that starts here, as lists of its objects."""
        for window, count in self.windows():
            try:
                objects = _OBJECTS.decode(window)
            except ValueError:
                raise _first_unreadable(window, self.elements - count) from None
            yield objects

    def windows(self) -> Iterator[tuple[bytes, int]]:
        """The list that starts here, as JSON lists of about `WINDOW` bytes with the number of their elements."""
        self._take(b"[")
        if self.peek() == b"]":
            self._take(b"]")
            return
        while True:
            self.peek()
            while len(self._buffer) - self._at < WINDOW and self._more():
                pass
            end, count = self._last_boundary()
            if not count:
                raise self._no_element()
            window = b"[" + self._buffer[self._at : end] + b"]"
            self._at = end
            self.elements += count
            yield window, count
            if self._take(b",]") == b"]":
                return

    def _find_end(self) -> int:
        """Where the value that starts here ends, -1 if it is longer than `WINDOW`, or no JSON."""
        self.peek()
        if (end := _end_of_value(self._buffer, self._at)) >= 0:
            return end
        while len(self._buffer) - self._at <= WINDOW and self._more():
            pass
        return _end_of_value(self._buffer, self._at)

    def _last_boundary(self) -> tuple[int, int]:
        """Where the last complete element of the list in the buffer ends, and how many there are until there."""
        if self._to_walk <= 0:
            for end in _guesses(self._buffer, self._at):
                try:
                    return end, len(_RAW_LIST.decode(b"[" + self._buffer[self._at : end] + b"]"))
                except RecursionError:
                    raise ExpectedError(TOO_DEEP) from None
                except ValueError:
                    continue
            self._to_walk = WINDOW
        end, count = _walk_elements(self._buffer, self._at)
        self._to_walk -= end - self._at
        return end, count

    def peek(self) -> bytes:
        """The next byte that is not blank, without taking it; b"" at the end."""
        while True:
            self._at = _end(_SPACE, self._buffer, self._at)
            if self._at < len(self._buffer) or not self._more():
                return self._buffer[self._at : self._at + 1]

    def _take(self, allowed: bytes) -> bytes:
        byte = self.peek()
        if not byte:
            raise self._truncated()
        if byte not in allowed:
            raise self._malformed()
        self._at += 1
        return byte

    def _more(self) -> bool:
        """Add a piece of text to the buffer, and forget what was read."""
        chunk = next(self._chunks, None)
        if chunk is None:
            self._ended = True
            return False
        self._buffer = self._buffer[self._at :] + chunk.encode()
        self._at = 0
        return True

    def _skip_string(self) -> None:
        self._at += 1
        while True:
            self._walk(_STRING_BODY)
            if self._buffer[self._at : self._at + 1] == b'"':
                self._at += 1
                return
            if not self._more():
                raise self._truncated()

    def _skip_scalar(self) -> None:
        while True:
            self._walk(_SCALAR)
            if self._at < len(self._buffer):
                return
            if not self._more():
                raise self._truncated()

    def _walk(self, pattern: re.Pattern[bytes]) -> None:
        end = _end(pattern, self._buffer, self._at)
        self._to_walk -= end - self._at
        self._at = end

    def _no_element(self) -> ExpectedError:
        """Why the list has no readable element here."""
        end = _end_by_brackets(self._buffer, self._at)
        if end < 0 and self._ended:
            return self._truncated()
        if end < 0:
            return ExpectedError(TOO_LONG_VALUE, limit=WINDOW)
        return ExpectedError(WRONG_SHAPE, number=self.elements + 1, detail=_("it is not valid JSON"))

    def _malformed(self) -> ExpectedError:
        if not self.elements:
            return ExpectedError(NOT_RECOGNISED)
        return ExpectedError(WRONG_SHAPE, number=self.elements, detail=_("what follows it is not valid JSON"))

    def _truncated(self) -> ExpectedError:
        return ExpectedError(TRUNCATED, read=self.elements)


def _end(pattern: re.Pattern[bytes], buffer: bytes, start: int) -> int:
    match = pattern.match(buffer, start)
    return match.end() if match else start


def _end_of_value(buffer: bytes, start: int) -> int:
    """Where the value at `start` ends, or -1 if that is not in the buffer yet or something in it is no JSON."""
    size = PIECE
    while True:
        piece = buffer[start : start + size].decode(errors="ignore")  # it may end amid a letter
        is_all = start + size >= len(buffer)
        try:
            _, end = _SCAN(piece)
        except RecursionError:
            raise ExpectedError(TOO_DEEP) from None
        except ValueError:
            end = -1
        # A number at the very end may go on.
        if 0 < end < len(piece) or (end > 0 and piece[end - 1] in '"}]'):
            return start + len(piece[:end].encode())
        if is_all:
            return -1
        size *= 4


def _end_by_brackets(buffer: bytes, start: int) -> int:
    """As `_end_of_value`, but its inside is not checked: slow, for telling what is wrong."""
    depth = 0
    for token in _TOKEN.finditer(buffer, start):
        first = buffer[token.start() : token.start() + 1]
        if first == b'"':
            if not token[1]:
                return -1
        elif first in b"{[":
            depth += 1
            if depth > MAX_DEPTH:
                raise ExpectedError(TOO_DEEP)
        elif first in b"}]":
            depth -= 1
        elif token.end() == len(buffer):
            return -1
        if depth <= 0:
            return token.end()
    return -1


def _guesses(buffer: bytes, start: int) -> Iterator[int]:
    """Ends of windows to try: where a short list, such as a page, seems to end; else the last braces."""
    for end_of_list in islice(_END_OF_LIST.finditer(buffer, start), GUESSES):
        yield end_of_list.start() + 1
    end = len(buffer)
    for _guess in range(GUESSES):
        end = buffer.rfind(b"}", start, end)
        if end < 0:
            return
        yield end + 1


def _walk_elements(buffer: bytes, start: int) -> tuple[int, int]:
    """As `JsonReader._last_boundary`, element by element: slower, but it stops before the first broken one."""
    boundary, count = start, 0
    while (end := _end_of_value(buffer, start)) > 0:
        try:
            _RAW.decode(buffer[start:end])
        except ValueError:
            break
        boundary, count = end, count + 1
        comma = _COMMA.match(buffer, end)
        if not comma:
            break
        start = comma.end()
    return boundary, count


def _first_unreadable(window: bytes, elements_before: int) -> ExpectedError:
    """Which element of a window can't be decoded, and why."""
    for number, element in enumerate(_RAW_LIST.decode(window), start=elements_before + 1):
        try:
            _OBJECT.decode(element)
        except ValueError:
            is_object = bytes(element).startswith(b"{")
            detail = _("a number in it is too large") if is_object else _("it is not a JSON object")
            return ExpectedError(WRONG_SHAPE, number=number, detail=detail)
    raise AssertionError("a window that can't be decoded has an element that can't be decoded")
