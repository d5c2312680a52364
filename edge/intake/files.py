"""Order files: every row validated and either in an order or rejected with its reason.

One row is one order line; the rows of an order need not stand together. Checks, in this order, the first that fails
names the reason:

| reason | the row |
|---|---|
| BAD_ENCODING, BAD_CHARACTER, ROW_TOO_LONG, BAD_ROW, FIELD_TOO_LONG | cannot be read as a CSV row at all |
| WRONG_COLUMN_COUNT | has more or fewer columns than the header |
| MISSING_FIELD | has no order id, SKU, quantity or time |
| CREDIT_NOTE | is a cancellation or return (`cancellation_prefix`): goods coming back, not an order |
| NOT_GOODS | is postage or a fee (`not_goods`): nothing to pick |
| BAD_ID | has an order id or SKU longer than ID_MAX or with unprintable signs |
| BAD_QUANTITY, QUANTITY_NOT_POSITIVE, QUANTITY_TOO_LARGE | has a quantity that is no whole number, below 1, too large |
| BAD_DATE | has a time that does not fit `ordered_at` |
| UNKNOWN_SKU | names an article that is not in the catalogue (only when one is given) |
| ORDER_CONFLICT | has another customer or route than the first row of its order |
| DUPLICATE | repeats order and SKU while `duplicates` is `reject` |
| TOO_MANY_LINES | is one line too many for its order |

A credit note cancels nothing here: it names an invoice of its own, never the order it takes back, and what it takes
back has long left the house. Returns are received as goods, not as orders.
"""

import csv
import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from edge.intake.articles import article, stable_number
from edge.intake.mapping import OrderMapping
from edge.intake.rows import Row, read_rows
from edge.messages import Item, OrderCaptured, OrderLine
from edge.settings import ConfigError

ROWS_MAX = 1_000_000
ID_MAX = 60
_WHOLE = re.compile(r"[+-]?[0-9]{1,12}(\.0{1,6})?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that is in no order: `row_number` is its line in the file (the header is line 1), `row` its text."""

    row_number: int
    row: str
    reason: str
    detail: str
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of a file: `rows` = rows in orders + rows rejected."""

    columns: tuple[str, ...]
    rows: int
    orders: tuple[OrderCaptured, ...]
    rejected: tuple[Rejected, ...]
    items: tuple[Item, ...]
    """Every ordered SKU as a catalogue entry, with the file's description and a plausible volume and weight."""

    @property
    def reasons(self) -> dict[str, int]:
        """Rejected rows by reason, most frequent first."""
        counts = Counter(row.reason for row in self.rejected)
        return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))

    @property
    def units(self) -> int:
        """Units in the orders."""
        return sum(line.quantity for order in self.orders for line in order.lines)


class _Refusal(Exception):
    """Why a row is in no order."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


@dataclass(slots=True)
class _Draft:
    """An order whose rows are still coming in; a line per SKU, in the order of the file."""

    at_ms: int
    customer: str
    route_value: str
    priority_value: str
    lines: dict[str, int] = field(default_factory=dict)


def read_orders(path: Path, mapping: OrderMapping, catalogue: Container[str] | None = None) -> Intake:
    """Every row of the file in an order or rejected; the orders in time order. Raises ConfigError.

    ConfigError only for what makes the whole file unusable: not there, header without a mapped column, too many rows.
    """
    rejected: list[Rejected] = []
    count = 0
    try:
        with path.open("rb") as file:
            rows = read_rows(file, mapping.encoding, mapping.delimiter)
            sheet = _Sheet(mapping, _header(path, rows, mapping), catalogue)
            for row in rows:
                count += 1
                if count > ROWS_MAX:
                    raise ConfigError([f"{path}:{row.number}: more than {ROWS_MAX} rows; split the file"])
                try:
                    sheet.take(row)
                except _Refusal as refusal:
                    rejected.append(Rejected(row.number, row.text, refusal.reason, refusal.detail, row.cells))
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}; give the path of an existing order file"]) from error
    return Intake(sheet.columns, count, sheet.orders(), tuple(rejected), sheet.items())


def _header(path: Path, rows: Iterator[Row], mapping: OrderMapping) -> tuple[str, ...]:
    """The header, in which every mapped column stands exactly once. Raises ConfigError."""
    first = next(rows, None)
    if first is None:
        raise ConfigError([f"{path}:1: the file is empty; the first line must be the header"])
    if first.reason:
        raise ConfigError(
            [f"{path}:1: the header cannot be read: {first.detail}; save the file as {mapping.encoding} CSV"]
        )
    findings = []
    for name, column in mapping.columns.model_dump().items():
        times = first.cells.count(column) if column else 1
        if times != 1:
            has = ", ".join(first.cells)[:200]
            found = f"stands {times} times in the header" if times else f"is not in the header ({has})"
            findings.append(
                f"{path}:1: columns.{name}: column {column!r} {found}; "
                f"name the right column in the mapping file, or mend the header or delimiter {mapping.delimiter!r}"
            )
    if findings:
        raise ConfigError(findings)
    return first.cells


class _Sheet:
    """The rows of one file on their way into orders."""

    def __init__(self, mapping: OrderMapping, columns: tuple[str, ...], catalogue: Container[str] | None) -> None:
        self.columns = columns
        self._map = mapping
        self._catalogue = catalogue
        self._index = {name: columns.index(column) for name, column in mapping.columns.model_dump().items() if column}
        self._drafts: dict[str, _Draft] = {}
        self._descriptions: dict[str, str] = {}

    def take(self, row: Row) -> None:
        """Put the row into its order. Raises _Refusal."""
        if row.reason:
            raise _Refusal(row.reason, row.detail)
        if len(row.cells) != len(self.columns):
            raise _Refusal("WRONG_COLUMN_COUNT", f"{len(row.cells)} columns, the header has {len(self.columns)}")
        mapping = self._map
        order_id = self._needed(row, "order_id")
        if mapping.cancellation_prefix and order_id.startswith(mapping.cancellation_prefix):
            raise _Refusal("CREDIT_NOTE", f"{order_id} starts with {mapping.cancellation_prefix!r}: goods coming back")
        sku = self._needed(row, "sku")
        if not mapping.is_goods(sku):
            raise _Refusal("NOT_GOODS", f"{sku} is postage or a fee: nothing to pick")
        sku = sku.upper() if mapping.sku_case == "upper" else sku
        for name, text in (("order_id", order_id), ("sku", sku)):
            if len(text) > ID_MAX or not text.isprintable():
                raise _Refusal("BAD_ID", f"{name}: at most {ID_MAX} printable characters")
        quantity = _quantity(self._needed(row, "quantity"), mapping.quantity_max)
        at_ms = _at_ms(self._needed(row, "ordered_at"), mapping.ordered_at.format, mapping.ordered_at.timezone)
        if self._catalogue is not None and sku not in self._catalogue:
            raise _Refusal("UNKNOWN_SKU", f"{sku} is not in the catalogue")
        self._add(row, order_id, sku, quantity, at_ms)

    def _add(self, row: Row, order_id: str, sku: str, quantity: int, at_ms: int) -> None:
        customer, route_value = self._cell(row, "customer"), self._cell(row, "route")
        draft = self._drafts.get(order_id)
        if draft is None:
            draft = _Draft(at_ms, customer, route_value, self._cell(row, "priority"))
        elif (customer, route_value) != (draft.customer, draft.route_value):
            detail = f"order {order_id} is of customer {draft.customer!r}, {draft.route_value!r} in its first row"
            raise _Refusal("ORDER_CONFLICT", detail)
        if sku in draft.lines and self._map.duplicates == "reject":
            raise _Refusal("DUPLICATE", f"order {order_id} has {sku} already")
        if sku not in draft.lines and len(draft.lines) >= self._map.lines_max:
            raise _Refusal("TOO_MANY_LINES", f"order {order_id} has {self._map.lines_max} lines already")
        if draft.lines.get(sku, 0) + quantity > self._map.quantity_max:
            raise _Refusal("QUANTITY_TOO_LARGE", f"{sku} would come to more than {self._map.quantity_max}")
        draft.lines[sku] = draft.lines.get(sku, 0) + quantity
        draft.at_ms = min(draft.at_ms, at_ms)
        self._drafts[order_id] = draft
        self._descriptions[sku] = self._descriptions.get(sku) or self._cell(row, "description")

    def orders(self) -> tuple[OrderCaptured, ...]:
        """The orders by time; at the same time as they stand in the file."""
        drafts = sorted(self._drafts.items(), key=lambda entry: entry[1].at_ms)
        return tuple(self._order(order_id, draft) for order_id, draft in drafts)

    def items(self) -> tuple[Item, ...]:
        """The ordered SKUs as catalogue entries, by SKU."""
        return tuple(article(sku, text) for sku, text in sorted(self._descriptions.items()))

    def _order(self, order_id: str, draft: _Draft) -> OrderCaptured:
        routes = self._map.routes.get(draft.route_value, (self._map.default_route,))
        key = (draft.customer if self._map.spread_by == "customer" else "") or order_id
        route = routes[stable_number("route", key) % len(routes)]
        return OrderCaptured(
            at_ms=draft.at_ms,
            order_id=order_id,
            customer=draft.customer,
            route=route,
            priority=self._map.priority_of(draft.priority_value, route),
            channel="file",
            lines=tuple(
                OrderLine(line=number, sku=sku, quantity=quantity)
                for number, (sku, quantity) in enumerate(draft.lines.items(), start=1)
            ),
        )

    def _cell(self, row: Row, name: str) -> str:
        index = self._index.get(name)
        return "" if index is None else row.cells[index]

    def _needed(self, row: Row, name: str) -> str:
        text = self._cell(row, name)
        if not text:
            raise _Refusal("MISSING_FIELD", f"{self.columns[self._index[name]]} is empty")
        return text


def _quantity(text: str, at_most: int) -> int:
    if not _WHOLE.fullmatch(text):
        raise _Refusal("BAD_QUANTITY", f"{text[:40]!r} is not a whole number")
    quantity = int(text.split(".")[0])
    if quantity <= 0:
        raise _Refusal("QUANTITY_NOT_POSITIVE", f"{quantity} units cannot be picked")
    if quantity > at_most:
        raise _Refusal("QUANTITY_TOO_LARGE", f"{quantity} is more than {at_most}")
    return quantity


@lru_cache(maxsize=4096)
def _at_ms(text: str, pattern: str, timezone: str) -> int:
    try:
        moment = datetime.fromisoformat(text) if pattern == "iso" else datetime.strptime(text, pattern)  # noqa: DTZ007
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(timezone))
        at_ms = (moment.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError) as error:
        expected = "ISO 8601" if pattern == "iso" else pattern
        raise _Refusal("BAD_DATE", f"{text[:40]!r} is not {expected}") from error
    if at_ms < 0:
        raise _Refusal("BAD_DATE", f"{text[:40]!r} is before 1970")
    return at_ms


def rejected_path(path: Path) -> Path:
    """Where the rejected rows of an order file go: orders.csv -> orders.rejected.csv beside it."""
    return path.with_name(f"{path.stem}.rejected.csv")


def write_rejected(path: Path, intake: Intake) -> Path | None:
    """Write the rejected rows next to the order file `path`; returns the file, None if nothing was rejected.

    In a folder that cannot be written to, the file goes to the current one. Cells that a spreadsheet would take for a
    formula get a ' in front. Raises ConfigError when neither place can be written.
    """
    target = rejected_path(path)
    if not intake.rejected and not target.exists():
        return None
    for place in (target, Path.cwd() / target.name):
        try:
            _write_rows(place, intake.columns, intake.rejected)
        except OSError as error:
            problem = f"{place}: {error.strerror}; copy the order file to a folder that can be written to"
            continue
        return place if intake.rejected else None
    raise ConfigError([problem])


def _write_rows(target: Path, columns: tuple[str, ...], rejected: Iterable[Rejected]) -> None:
    fresh = target.with_name(target.name + ".new")
    with fresh.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["row", "reason", "detail", *map(_harmless, columns)])
        for row in rejected:
            cells = row.cells or (row.row,)
            rows.writerow([row.row_number, row.reason, _harmless(row.detail), *map(_harmless, cells)])
    fresh.replace(target)


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
