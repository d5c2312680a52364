"""Bytes of a CSV file to rows, one at a time: a bad row is handed on with its reason and never stops the file."""

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

LINE_MAX_BYTES = 65_536
RECORD_LINES_MAX = 20
"""Lines a quoted field may span; an opening quote without an end then costs one row, not the file."""
FIELD_MAX = 1000
TEXT_MAX = 500
"""What is kept of a row that could not be read."""
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One record: `number` is the line it starts on (the header is line 1). `reason` says why it is unusable."""

    number: int
    text: str
    cells: tuple[str, ...] = ()
    reason: str = ""
    detail: str = ""


def read_rows(file: BinaryIO, encoding: str, delimiter: str) -> Iterator[Row]:
    """Every record of the file, good or bad, blank lines left out. Holds at most RECORD_LINES_MAX lines at once."""
    lines = _lines(file, encoding)
    waiting: deque[Row] = deque()
    while True:
        first = waiting.popleft() if waiting else next(lines, None)
        if first is None:
            return
        if first.reason:
            yield first
        elif first.text.strip():
            yield _record(first, waiting, lines, delimiter)


def _lines(file: BinaryIO, encoding: str) -> Iterator[Row]:
    number = 0
    while raw := file.readline(LINE_MAX_BYTES):
        number += 1
        if number == 1:
            raw = raw.removeprefix(_BOM)
        if len(raw) == LINE_MAX_BYTES and not raw.endswith(b"\n"):
            while (more := file.readline(LINE_MAX_BYTES)) and not more.endswith(b"\n"):
                pass
            text = raw[:TEXT_MAX].decode("ascii", "replace")
            yield Row(number=number, text=text, reason="ROW_TOO_LONG", detail=f"more than {LINE_MAX_BYTES} bytes")
            continue
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError as error:
            text = raw[:TEXT_MAX].decode("ascii", "replace").rstrip("\r\n")
            detail = f"byte {error.start + 1} of the line (0x{raw[error.start]:02x}) is not {encoding}"
            yield Row(number=number, text=text, reason="BAD_ENCODING", detail=detail)
            continue
        if "\0" in text:
            shown = text[:TEXT_MAX].replace("\0", "\ufffd").rstrip("\r\n")
            yield Row(number=number, text=shown, reason="BAD_CHARACTER", detail="a NUL byte")
            continue
        yield Row(number=number, text=text)


def _record(first: Row, waiting: deque[Row], lines: Iterator[Row], delimiter: str) -> Row:
    """The record that starts on this line; if it cannot be read, only this line is lost."""
    taken = [first]

    def pull() -> Iterator[str]:
        yield first.text
        while len(taken) < RECORD_LINES_MAX:
            more = waiting.popleft() if waiting else next(lines, None)
            if more is None:
                return
            taken.append(more)
            if more.reason:
                return
            yield more.text

    try:
        cells = tuple(cell.strip() for cell in next(csv.reader(pull(), delimiter=delimiter, strict=True)))
    except csv.Error as error:
        waiting.extendleft(reversed(taken[1:]))
        detail = "a quote is not closed" if "unexpected end" in str(error) else str(error)
        return Row(number=first.number, text=_shown(first.text), reason="BAD_ROW", detail=detail)
    text = _shown("".join(line.text for line in taken))
    long = next((index for index, cell in enumerate(cells, start=1) if len(cell) > FIELD_MAX), 0)
    if long:
        detail = f"column {long} has more than {FIELD_MAX} characters"
        return Row(number=first.number, text=text, reason="FIELD_TOO_LONG", detail=detail)
    return Row(number=first.number, text=text, cells=cells)


def _shown(text: str) -> str:
    return text[:TEXT_MAX].rstrip("\r\n")
