"""The CSV tables of a site: what is written is what is read, and every bad row is named with its remedy."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edge.intake.tables import Seed, read_items, read_physical, read_stock, write_seed
from edge.messages import Item, StockLine
from edge.settings import ConfigError

ITEMS = "sku,description,volume_ml,weight_g,robot,skill\n"
STOCK = "sku,location,lot,expiry,quantity\n"


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    seed = Seed(
        items=(
            Item(sku="A1", description='mug, "blue"\n2 pcs', volume_ml=3, weight_g=4, robot=True, skill="hazmat"),
            Item(sku="Ä2", description="=1+1"),
        ),
        stock=(
            StockLine(sku="A1", location="A-01-01-1", lot="L1", expiry="2026-12-31", quantity=5),
            StockLine(sku="A1", location="A-01-01-1", quantity=7),
        ),
        physical=(("A1", "A-01-01-1", 0),),
    )
    write_seed(tmp_path / "made" / "here", seed)
    written = tmp_path / "made" / "here"
    assert read_items(written / "items.csv") == seed.items
    assert read_stock(written / "stock.csv") == seed.stock
    assert read_physical(written / "physical.csv") == seed.physical
    assert sorted(path.name for path in written.iterdir()) == ["items.csv", "physical.csv", "stock.csv"]


def test_columns_with_a_default_may_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("quantity,sku,location\n3,A1,X\n\n")
    assert read_stock(tmp_path / "t.csv") == (StockLine(sku="A1", location="X", quantity=3),)
    (tmp_path / "t.csv").write_text(ITEMS + "A1,,,,,\n")
    assert read_items(tmp_path / "t.csv") == (Item(sku="A1"),)


@pytest.mark.parametrize(
    ("read", "text", "line", "words"),
    [
        (read_stock, STOCK + "A1,X,,,0\n", 2, "quantity: '0' is not a whole number from 1"),
        (read_stock, STOCK + "A1,X,,,1.5\n", 2, "quantity: '1.5' is not a whole number"),
        (read_stock, STOCK + "A1,X,,,99999999999999999999\n", 2, "quantity"),
        (read_stock, STOCK + "A1,X,,,\n", 2, "quantity: is empty; fill it in"),
        (read_stock, STOCK + "A1,X,,31.12.2026,1\n", 2, "expiry: '31.12.2026' is not a date; write it as 2026-12-31"),
        (read_stock, STOCK + "A1,X,,,1\n,X,,,1\n", 3, "sku: is empty"),
        (read_stock, STOCK + "A1,X,,,1\nA1,X,,,2\n", 3, "sku+location+lot: is on line 2 already"),
        (read_stock, STOCK + "A1,X,,1\n", 2, "(row): 4 columns, the header has 5"),
        (read_stock, "sku,place,quantity\n", 1, "location: column stands 0 times"),
        (read_stock, "sku,place,location,quantity\n", 1, "place: unknown column"),
        (read_stock, "", 1, "sku: column stands 0 times"),
        (read_items, ITEMS + "A1,,0,1,0,\n", 2, "volume_ml"),
        (read_items, ITEMS + "A1,,1,-1,0,\n", 2, "weight_g"),
        (read_items, ITEMS + "A1,,1,1,yes,\n", 2, "robot: 'yes' is neither 1 nor 0"),
        (read_items, ITEMS + f"{'A' * 61},,1,1,0,\n", 2, "sku"),
        (read_physical, "sku,location,quantity\nA1,X,-1\n", 2, "quantity"),
    ],
)
def test_a_bad_table_names_line_field_and_remedy(
    tmp_path: Path, read: Callable[[Path], object], text: str, line: int, words: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert any(finding.startswith(f"{path}:{line}: ") and words in finding for finding in caught.value.findings)


def test_every_bad_row_is_found_up_to_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(STOCK + "A1,X,,,0\n" * 3)
    with pytest.raises(ConfigError) as caught:
        read_stock(path)
    assert len(caught.value.findings) == 3
    path.write_text(STOCK + "A1,X,,,0\n" * 500)
    with pytest.raises(ConfigError, match="reading stopped") as caught:
        read_stock(path)
    assert len(caught.value.findings) < 60


@pytest.mark.parametrize("body", [b"sku\xff\n", b'sku,"quantity\n', "sku,quantity\n".encode("utf-16")])
def test_what_is_no_table_is_refused(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(body)
    with pytest.raises(ConfigError, match=r"t\.csv"):
        read_stock(tmp_path / "t.csv")
    with pytest.raises(ConfigError, match="existing file"):
        read_stock(tmp_path / "none.csv")
