"""Order files: every row is in an order or rejected with its reason, whatever is in the file."""

import csv
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.intake.files import Intake, read_orders, rejected_path, write_rejected
from edge.intake.mapping import OrderMapping, read_mapping
from edge.intake.rows import FIELD_MAX, LINE_MAX_BYTES
from edge.settings import ConfigError

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("EDGE_SHARED", ROOT.parent / "shared"))
RETAIL = SHARED / "data" / "online-retail-2011-11-29.csv"
HEADER = "Order,Item,Text,Qty,Time,Who,Land\n"
ROW = "1,A1,Mug,2,2024-03-01 08:00:00,77,UK\n"


def mapping(**changes: object) -> OrderMapping:
    columns = {
        "order_id": "Order",
        "sku": "Item",
        "quantity": "Qty",
        "ordered_at": "Time",
        "customer": "Who",
        "description": "Text",
        "route": "Land",
    }
    fields: dict[str, object] = {
        "schema": "edge/orders-map/1",
        "columns": columns,
        "ordered_at": {"format": "%Y-%m-%d %H:%M:%S", "timezone": "Europe/London"},
        "cancellation_prefix": "C",
        "not_goods": ["POST"],
        "routes": {"UK": ["N", "S"], "DE": "EXPRESS"},
        "default_route": "WORLD",
        "quantity_max": 1000,
        "lines_max": 3,
    }
    return OrderMapping.model_validate(fields | changes)


def read(tmp_path: Path, body: str | bytes, **changes: object) -> Intake:
    path = tmp_path / "orders.csv"
    path.write_bytes(body if isinstance(body, bytes) else body.encode())
    return read_orders(path, mapping(**changes))


def reasons(intake: Intake) -> list[tuple[int, str]]:
    return [(row.row_number, row.reason) for row in intake.rejected]


def test_rows_become_an_order(tmp_path: Path) -> None:
    intake = read(tmp_path, HEADER + ROW + "1,A2,Lamp,1.0,2024-03-01 08:01:00,77,UK\n")
    (order,) = intake.orders
    assert [(line.line, line.sku, line.quantity) for line in order.lines] == [(1, "A1", 2), (2, "A2", 1)]
    assert (order.order_id, order.customer, order.priority, order.rev) == ("1", "77", 5, 1)
    assert [(item.sku, item.description) for item in intake.items] == [("A1", "Mug"), ("A2", "Lamp")]
    assert not intake.rejected


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",A1,Mug,2,2024-03-01 08:00:00,77,UK", "MISSING_FIELD"),
        ("2,,Mug,2,2024-03-01 08:00:00,77,UK", "MISSING_FIELD"),
        ("2,A1,Mug,,2024-03-01 08:00:00,77,UK", "MISSING_FIELD"),
        ("2,A1,Mug,2,  ,77,UK", "MISSING_FIELD"),
        ("C2,A1,Mug,-2,2024-03-01 08:00:00,77,UK", "CREDIT_NOTE"),
        ("2,post,Postage,1,2024-03-01 08:00:00,77,UK", "NOT_GOODS"),
        ("2,A1,Mug,two,2024-03-01 08:00:00,77,UK", "BAD_QUANTITY"),
        ("2,A1,Mug,1.5,2024-03-01 08:00:00,77,UK", "BAD_QUANTITY"),
        ("2,A1,Mug,1e3,2024-03-01 08:00:00,77,UK", "BAD_QUANTITY"),
        ("2,A1,Mug,\u0663,2024-03-01 08:00:00,77,UK", "BAD_QUANTITY"),
        ("2,A1,Mug,0,2024-03-01 08:00:00,77,UK", "QUANTITY_NOT_POSITIVE"),
        ("2,A1,Mug,-98,2024-03-01 08:00:00,77,UK", "QUANTITY_NOT_POSITIVE"),
        ("2,A1,Mug,1001,2024-03-01 08:00:00,77,UK", "QUANTITY_TOO_LARGE"),
        ("2,A1,Mug,2,01/03/2024,77,UK", "BAD_DATE"),
        ("2,A1,Mug,2,2024-02-30 08:00:00,77,UK", "BAD_DATE"),
        ("2,A1,Mug,2,1066-10-14 09:00:00,77,UK", "BAD_DATE"),
        ("2,A1,Mug,2,2024-03-01 08:00:00,77", "WRONG_COLUMN_COUNT"),
        ("2,A1,Mug,2,2024-03-01 08:00:00,77,UK,more", "WRONG_COLUMN_COUNT"),
        ("1,A9,Mug,2,2024-03-01 08:00:00,88,UK", "ORDER_CONFLICT"),
        ("1,A9,Mug,2,2024-03-01 08:00:00,77,DE", "ORDER_CONFLICT"),
        ("1,A1,Mug,2,2024-03-01 08:00:00,77,UK", "DUPLICATE"),
        ("2,A\x07,Mug,2,2024-03-01 08:00:00,77,UK", "BAD_ID"),
        (f"{'9' * 61},A1,Mug,2,2024-03-01 08:00:00,77,UK", "BAD_ID"),
        (f"2,A1,{'x' * (FIELD_MAX + 1)},2,2024-03-01 08:00:00,77,UK", "FIELD_TOO_LONG"),
        (f"2,A1,{'x' * LINE_MAX_BYTES},2,2024-03-01 08:00:00,77,UK", "ROW_TOO_LONG"),
        ("2,A1,Mu\0g,2,2024-03-01 08:00:00,77,UK", "BAD_CHARACTER"),
        ('2,A1,"Mug,2,2024-03-01 08:00:00,77,UK', "BAD_ROW"),
        ('2,A1,"Mug"s,2,2024-03-01 08:00:00,77,UK', "BAD_ROW"),
        ("2,A1,Mug\rs,2,2024-03-01 08:00:00,77,UK", "BAD_ROW"),
    ],
)
def test_a_bad_row_is_rejected_alone(tmp_path: Path, row: str, reason: str) -> None:
    intake = read(tmp_path, HEADER + ROW + row + "\n" + ROW.replace("1,A1", "3,A1"))
    assert reasons(intake) == [(3, reason)]
    assert [order.order_id for order in intake.orders] == ["1", "3"]
    assert intake.rows == 3
    assert intake.rejected[0].detail


def test_an_undecodable_line_costs_only_itself(tmp_path: Path) -> None:
    cafe = "2,A1,Café,1,2024-03-01 08:00:00,77,UK\n".encode("cp1252")
    body = HEADER.encode() + cafe + ROW.encode()
    intake = read(tmp_path, body)
    assert reasons(intake) == [(2, "BAD_ENCODING")]
    assert [order.order_id for order in intake.orders] == ["1"]
    assert read(tmp_path, body, encoding="cp1252").items[0].description == "Café"


def test_a_byte_order_mark_windows_ends_and_blank_lines_are_no_matter(tmp_path: Path) -> None:
    plain = read(tmp_path, HEADER + ROW)
    dressed = read(tmp_path, b"\xef\xbb\xbf" + (HEADER + "\n" + ROW + "\n").replace("\n", "\r\n").encode())
    assert dressed.orders == plain.orders
    assert dressed.rows == 1


def test_a_quoted_field_may_span_lines_and_row_numbers_stay_lines(tmp_path: Path) -> None:
    body = HEADER + '1,A1,"a ""mug""\nwith, text",2,2024-03-01 08:00:00,77,UK\n' + "broken\n"
    intake = read(tmp_path, body)
    assert intake.items[0].description == 'a "mug"\nwith, text'
    assert reasons(intake) == [(4, "WRONG_COLUMN_COUNT")]


def test_an_inch_sign_is_text(tmp_path: Path) -> None:
    assert read(tmp_path, HEADER + ROW.replace("Mug", '12" frame')).items[0].description == '12" frame'


def test_duplicates_merge_to_one_line_up_to_the_largest_quantity(tmp_path: Path) -> None:
    intake = read(tmp_path, HEADER + ROW + ROW + ROW.replace(",2,", ",997,"), duplicates="merge")
    assert [line.quantity for line in intake.orders[0].lines] == [4]
    assert reasons(intake) == [(4, "QUANTITY_TOO_LARGE")]


def test_an_order_has_at_most_lines_max_lines(tmp_path: Path) -> None:
    intake = read(tmp_path, HEADER + "".join(ROW.replace("A1", f"A{n}") for n in range(5)))
    assert len(intake.orders[0].lines) == 3
    assert reasons(intake) == [(5, "TOO_MANY_LINES"), (6, "TOO_MANY_LINES")]


def test_upper_case_makes_one_article_of_two_spellings(tmp_path: Path) -> None:
    body = HEADER + ROW.replace("A1", "84997b") + ROW.replace("A1", "84997B")
    intake = read(tmp_path, body, duplicates="merge", sku_case="upper")
    assert [(line.sku, line.quantity) for line in intake.orders[0].lines] == [("84997B", 4)]


def test_only_the_catalogue_is_known(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(HEADER + ROW + ROW.replace("A1", "A2"))
    intake = read_orders(path, mapping(), {"A1"})
    assert reasons(intake) == [(3, "UNKNOWN_SKU")]


def test_orders_come_in_time_order_whatever_the_file_says(tmp_path: Path) -> None:
    body = HEADER + "".join(ROW.replace("1,A1", f"{n},A1").replace("08:", f"{n:02}:") for n in (9, 7, 8))
    orders = read(tmp_path, body).orders
    assert [order.order_id for order in orders] == ["7", "8", "9"]
    assert orders[1].at_ms - orders[0].at_ms == 3_600_000


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2024-01-15 08:00:00", "2024-01-15T08:00:00+00:00"),
        ("2024-07-15 08:00:00", "2024-07-15T07:00:00+00:00"),
        ("2024-03-31 01:30:00", "2024-03-31T01:30:00+00:00"),  # does not exist: 02:30 BST
        ("2024-10-27 01:30:00", "2024-10-27T00:30:00+00:00"),  # exists twice: the first, BST
    ],
)
def test_local_times_become_utc(tmp_path: Path, local: str, utc: str) -> None:
    wanted = read(tmp_path, HEADER + ROW.replace("2024-03-01 08:00:00", utc), ordered_at={"format": "iso"})
    intake = read(tmp_path, HEADER + ROW.replace("2024-03-01 08:00:00", local))
    assert intake.orders[0].at_ms == wanted.orders[0].at_ms


def test_a_list_of_routes_is_spread_and_a_customer_stays(tmp_path: Path) -> None:
    rows = "".join(f"{n},A1,Mug,1,2024-03-01 08:00:00,{n % 40},UK\n" for n in range(400))
    orders = read(tmp_path, HEADER + rows).orders
    by_customer = {order.customer: order.route for order in orders}
    assert all(order.route == by_customer[order.customer] for order in orders)
    assert min(Counter(order.route for order in orders).values()) > 100
    by_order = read(tmp_path, HEADER + rows, spread_by="order_id").orders
    assert min(Counter(order.route for order in by_order).values()) > 100
    assert [order.route for order in by_order] != [order.route for order in orders]


def test_the_spread_is_the_same_in_every_process(tmp_path: Path) -> None:
    rows = "".join(f"{n},A1,Mug,1,2024-03-01 08:00:00,{n},UK\n" for n in range(8))
    assert "".join(order.route for order in read(tmp_path, HEADER + rows).orders) == "NSSNNNSS"


def test_values_without_a_route_take_the_default_and_express_is_urgent(tmp_path: Path) -> None:
    orders = read(tmp_path, HEADER + ROW.replace("UK", "DE") + ROW.replace("1,A1", "2,A1").replace("UK", "")).orders
    assert [(order.route, order.priority) for order in orders] == [("EXPRESS", 2), ("WORLD", 5)]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (ROW.encode(), "columns.sku: column 'Item' is not in the header"),
        (HEADER.replace("Item", "SKU").encode(), "columns.sku: column 'Item' is not in the header"),
        (HEADER.replace("Who", "Item").encode(), "stands 2 times"),
        (HEADER.replace(",", ";").encode(), "delimiter ','"),
        (HEADER.encode("utf-16"), "save the file as utf-8"),
    ],
)
def test_a_file_that_cannot_be_used_at_all(tmp_path: Path, body: bytes, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, body)
    assert any("orders.csv:1" in finding and words in finding for finding in caught.value.findings)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="existing order file"):
        read_orders(Path("nowhere.csv"), mapping())


def test_too_many_rows_refuse_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.intake.files.ROWS_MAX", 2)
    with pytest.raises(ConfigError, match=r"orders\.csv:4: more than 2 rows; split"):
        read(tmp_path, HEADER + ROW * 3)


@given(st.lists(st.one_of(st.binary(max_size=60), st.just(ROW.encode()), st.just(b'2,A1,"x')), max_size=12))
def test_any_bytes_are_accounted_for(tmp_path_factory: pytest.TempPathFactory, parts: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("any") / "orders.csv"
    path.write_bytes(HEADER.encode() + b"\n".join(parts))
    intake = read_orders(path, mapping(duplicates="merge"))
    taken = intake.rows - len(intake.rejected)
    assert taken * 2 == intake.units  # every good row here wants two
    assert all(row.reason and row.row_number > 1 for row in intake.rejected)


def test_rejected_rows_are_written_beside_the_file_and_harmless(tmp_path: Path) -> None:
    intake = read(tmp_path, HEADER + '=1,A1,"=cmd(),x",-2,2024-03-01 08:00:00,@77,UK\nshort\n' + ROW)
    target = write_rejected(tmp_path / "orders.csv", intake)
    assert target == tmp_path / "orders.rejected.csv"
    with target.open(newline="") as file:
        head, first, second = list(csv.reader(file))
    assert head == ["row", "reason", "detail", *HEADER.strip().split(",")]
    assert first[:2] == ["2", "QUANTITY_NOT_POSITIVE"]
    assert first[3:] == ["'=1", "A1", "'=cmd(),x", "'-2", "2024-03-01 08:00:00", "'@77", "UK"]
    assert second[:2] == ["3", "WRONG_COLUMN_COUNT"]
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in (first, second) for cell in row)


def test_nothing_rejected_leaves_no_file_and_empties_an_old_one(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    good = read(tmp_path, HEADER + ROW)
    assert write_rejected(path, good) is None
    assert not rejected_path(path).exists()
    assert write_rejected(path, read(tmp_path, HEADER + "x\n")) is not None
    assert write_rejected(path, good) is None
    assert len(rejected_path(path).read_text().splitlines()) == 1


def test_where_the_folder_cannot_be_written_the_current_one_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "orders.rejected.csv.new").mkdir()  # in the way
    monkeypatch.chdir(tmp_path / "here")
    target = write_rejected(tmp_path / "orders.csv", read(tmp_path, HEADER + "x\n"))
    assert target is not None
    assert target.samefile(tmp_path / "here" / "orders.rejected.csv")


@pytest.mark.skipif(not RETAIL.exists(), reason="needs the retail day: set EDGE_SHARED, or put shared/ beside this")
def test_the_real_day() -> None:
    intake = read_orders(RETAIL, read_mapping(ROOT / "config" / "orders-online-retail.yaml"))
    assert intake.rows == 4313
    assert intake.reasons == {"CREDIT_NOTE": 16, "NOT_GOODS": 13, "QUANTITY_NOT_POSITIVE": 2}
    assert (len(intake.orders), sum(len(order.lines) for order in intake.orders)) == (138, 4165)
    assert (intake.units, len(intake.items)) == (30_913, 1542)
    with RETAIL.open(encoding="utf-8", newline="") as file:
        rows = dict(enumerate(csv.DictReader(file), start=2))
    net = sum(int(row["Quantity"]) for row in rows.values())
    lost = sum(int(rows[row.row_number]["Quantity"]) for row in intake.rejected)
    assert net == 30_511 == intake.units + lost
