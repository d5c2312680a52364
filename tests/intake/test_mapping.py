"""The mapping file: what it refuses, and with which words."""

from pathlib import Path

import pytest

from edge.intake.mapping import OrderMapping, read_mapping
from edge.settings import ConfigError

ROOT = Path(__file__).parents[2]
GOOD = """\
schema: edge/orders-map/1
columns: {order_id: Order, sku: Item, quantity: Qty, ordered_at: Time, route: Land}
routes: {DE: EU-CENTRAL, UK: [N, S]}
default_route: WORLD
"""


def mapping(tmp_path: Path, text: str = GOOD) -> OrderMapping:
    path = tmp_path / "map.yaml"
    path.write_text(text)
    return read_mapping(path)


def test_a_single_route_and_a_list_are_both_taken(tmp_path: Path) -> None:
    assert mapping(tmp_path).routes == {"DE": ("EU-CENTRAL",), "UK": ("N", "S")}


def test_not_goods_covers_whole_codes_and_ignores_case(tmp_path: Path) -> None:
    read = mapping(tmp_path, GOOD + "not_goods: [POST, 'gift_.*']\n")
    assert [read.is_goods(sku) for sku in ("post", "POSTER", "GIFT_0001_20", "85123A")] == [False, True, False, True]


def test_priority_by_value_then_by_route(tmp_path: Path) -> None:
    read = mapping(tmp_path, GOOD + "priorities: {urgent: 1, EXPRESS: 2}\n")
    asked = [("urgent", "WORLD"), ("urgent", "EXPRESS"), ("", "EXPRESS"), ("slow", "WORLD")]
    assert [read.priority_of(*one) for one in asked] == [1, 1, 2, 5]


@pytest.mark.parametrize(
    ("bad", "line", "words"),
    [
        (GOOD + "duplicate: merge\n", 5, "did you mean 'duplicates'"),
        (GOOD + "duplicates: sum\n", 5, "'merge' or 'reject'"),
        (GOOD + "encoding: utf-16\n", 5, "superset of ASCII"),
        (GOOD + "encoding: latin-99\n", 5, "known encoding"),
        (GOOD + "ordered_at: {timezone: Europe/Londn}\n", 5, "IANA time zone"),
        (GOOD + "not_goods: [POST, '(']\n", 5, "regular expression"),
        (GOOD + "delimiter: ';;'\n", 5, "delimiter"),
        (GOOD.replace("sku: Item, ", ""), 2, "columns.sku: is missing"),
        (GOOD.replace(", route: Land", ""), 1, "columns.route"),
        (GOOD.replace("[N, S]", "[]"), 3, "routes.UK"),
        (GOOD.replace("default_route: WORLD", "default_route: 'the world'"), 4, "default_route"),
        ("schema: edge/orders-map/1\ncolumns: [\n", 3, "not valid YAML"),
    ],
)
def test_a_bad_mapping_names_line_and_field(tmp_path: Path, bad: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        mapping(tmp_path, bad)
    assert any(f"map.yaml:{line}:" in finding and words in finding for finding in caught.value.findings), caught.value


def test_the_shipped_mapping_is_sound() -> None:
    read = read_mapping(ROOT / "config" / "orders-online-retail.yaml")
    assert read.duplicates == "merge"
    assert not read.is_goods("C2")
    assert read.is_goods("PADS")
