"""Bad configuration never starts anything: each finding names file, line, field and remedy."""

import re
import shutil
from pathlib import Path

import pytest

from edge.checking import check_process
from edge.opening import site_message
from edge.settings import ConfigError, read_process, read_site, read_tags
from edge.settings.checks import check_site_routes

CONFIG = Path(__file__).parent.parent / "config"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    shutil.copytree(CONFIG, tmp_path / "config")
    return tmp_path / "config"


def change(path: Path, old: str, new: str) -> int:
    """Replaces text in a file; the line it was on."""
    text = path.read_text()
    assert old in text, f"{old!r} is not in {path}"
    path.write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


def test_the_shipped_configuration_is_sound(config: Path) -> None:
    assert len(read_site(config / "site.yaml").machines) == 4
    assert read_process(config / "box.yaml").systems == ("wms", "wes")
    assert read_process(config / "office.yaml").systems == ("oms",)
    for table in (config / "tags").glob("*.csv"):
        assert len(read_tags(table)) > 40


TO_SORTER = "{start: conveyor1, end: sorter1}"


@pytest.mark.parametrize(
    ("old", "new", "field", "remedy"),
    [
        ("walk_mm_s: 1200", "walk_mm_z: 1200", "walk_mm_z", "did you mean 'walk_mm_s'"),
        ("walk_mm_s: 1200", "walk_mm_s: fast", "walk_mm_s", "integer"),
        ("timezone: Europe/London", "timezone: Europe/Londn", "timezone", "IANA"),
        ('sscc_prefix: "0950600012"', 'sscc_prefix: "09x"', "sscc_prefix", "pattern"),
        ("default_lane: 14", "default_lane: 44", "default_lane", "not in lanes"),
        ("device: plc_sorter1", "device: plc_sorter9", "device", "add it there"),
        ("feeds: sorter1", "feeds: sorter7", "feeds", "name the sorter"),
        ("conveyor: conveyor1}", "conveyor: conveyor8}", "conveyor", "add it there"),
        ("{lane: 2, capacity: 40", "{lane: 1, capacity: 40", "lanes", "same number"),
        ("capacity: 40", "capacity: -4", "capacity", "greater than"),
        ("{lane: 2, capacity: 40", "{lane: 2, pool: true, capacity: 40", "pool", "routes of its own"),
        ("{lane: 13, capacity: 30", "{lane: 13, pool: true, capacity: 30", "pool", "hospital lane"),
        ("{lane: 2, capacity: 40", "{lane: 2, min_gap_ms: -1, capacity: 40", "min_gap_ms", "greater than"),
        ("max_recirc: 3", "lane_by: customer", "lane_by", "departure"),
        ("machine_id: conveyor2", "machine_id: conveyor1", "machines", "used 2 times"),
        ("insecure: true ", "insecure: false ", "devices.plc_conveyor2", "security is none"),
        ("scanner_to_first_mm: 10000", "scanner_to_first_mm: 400", "scanner_to_first_mm", "at least 405 mm"),
        ("conveyor: conveyor1}", "conveyor: ''}", "machines", "nothing leads to conveyor1"),
        ("schema: edge/site/1", "schema: edge/site/9", "schema", "edge/site/1"),
        (
            "devices:\n",
            "segments: [{start: conveyor1, end: sorter9}]\ndevices:\n",
            "segments.0.end",
            "no machine, place",
        ),
        ("levels: 4, x_mm: 0", "levels: 4, reserve_levels: [3, 5], x_mm: 0", "reserve_levels", "levels 1 to 4"),
        ("aisle_mm: 1500, robot", "reserve_levels: [3], robot", "reserve_levels", "nobody goes into R"),
        ("face_max: 60", "face_max: 0", "face_max", "greater than"),
        ("devices:\n", f"segments: [{TO_SORTER}, {TO_SORTER}]\ndevices:\n", "segments.1", "twice"),
        ("devices:\n", "segments: [{start: conveyor1, end: conveyor2}]\ndevices:\n", "segments", "feeds 'sorter1'"),
        ("devices:\n", "segments: [{start: HOME, end: HOME}]\ndevices:\n", "segments.0", "goes nowhere"),
    ],
)
def test_a_bad_site_file_is_refused(config: Path, old: str, new: str, field: str, remedy: str) -> None:
    line = change(config / "site.yaml", old, new)
    with pytest.raises(ConfigError) as refusal:
        read_site(config / "site.yaml")
    finding = next(f for f in refusal.value.findings if field in f and remedy in f)
    where = re.match(rf"{re.escape(str(config / 'site.yaml'))}:(\d+):(\d+): ", finding)
    assert where, f"no file:line:column in {finding!r}"
    assert abs(int(where[1]) - line) <= 30, f"{finding!r} points far from line {line}"


def test_a_lane_nothing_leads_to_is_named(config: Path) -> None:
    site = config / "site.yaml"
    change(site, "devices:", "segments:\n  - {start: sorter1, end: sorter1/L01}\ndevices:")
    with pytest.raises(ConfigError) as caught:
        read_site(site)
    assert len(caught.value.findings) == 13
    assert all("cannot be reached" in finding and "add a segment" in finding for finding in caught.value.findings)
    change(site, "segments:\n  - {start: sorter1, end: sorter1/L01}\n", "")
    for conveyor in ("conveyor1", "conveyor2"):
        change(site, f"conveyor: {conveyor}}}", "conveyor: ''}")
    with pytest.raises(ConfigError, match="no lane of sorter1 can be reached"):
        read_site(site)


def test_registers_with_two_writers_are_named_with_their_lines(config: Path) -> None:
    table = config / "tags" / "sorter_modbus.csv"
    rows = table.read_text().splitlines()
    beat = next(n for n, row in enumerate(rows, 1) if row.startswith("PlcHeartbeat,"))
    clash = next(n for n, row in enumerate(rows, 1) if row.startswith("WcsEpoch,"))
    cells = rows[clash - 1].split(",")
    cells[2:4] = ["2", "400003"]
    rows[clash - 1] = ",".join(cells)
    table.write_text("\n".join(rows) + "\n")
    with pytest.raises(ConfigError) as caught:
        check_process(config / "box.yaml")
    (finding,) = caught.value.findings
    assert finding.startswith(f"{table}:{max(beat, clash)}: WcsEpoch: holding 2 is already PlcHeartbeat (line {beat}")


def test_a_route_needs_a_lane_or_a_pool(config: Path) -> None:
    site = read_site(config / "site.yaml")
    assert [problem for problem in check_site_routes(site, ["EXPRESS", "MOON"]) if "'MOON'" in problem]
    change(config / "site.yaml", "{lane: 9, capacity: 30, routes: [EXPRESS]", "{lane: 9, capacity: 30, pool: true")
    assert list(check_site_routes(read_site(config / "site.yaml"), ["EXPRESS", "MOON"])) == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xff\xfe\x00", "UTF-8"),
        (b"a: [1, 2", "not valid YAML"),
        (b"a: 1\na: 2\n", "not valid YAML"),
        (b"- 1\n", "mapping"),
        (b"", "mapping"),
        (b"a: \x00", "not valid YAML"),
        (b"x" * 5_000_000, "larger than"),
    ],
)
def test_a_file_that_is_no_settings_at_all(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "box.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=says):
        read_process(path)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml.*existing file"):
        read_process(Path("/tmp/nowhere.yaml"))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("BootCount,holding,1,400002", "BootCount,holding,1,400003", "ref 400003 does not match"),
        ("BootCount,holding", "MapId,holding", "already on line"),
        ("uint16", "uint17", "type"),
        ("BootCount,holding,1", "BootCount,holding,99999", "address"),
        ("BootCount,holding", "BootCount,drum", "table"),
    ],
)
def test_a_bad_tag_row_is_named(config: Path, old: str, new: str, says: str) -> None:
    path = config / "tags" / "sorter_modbus.csv"
    change(path, old, new)
    with pytest.raises(ConfigError, match=says) as refusal:
        read_tags(path)
    assert re.search(r"sorter_modbus\.csv:\d+: ", str(refusal.value))


def test_a_page_beyond_loopback_needs_keys_and_tokens(config: Path) -> None:
    change(config / "box.yaml", "page: {port: 8080}", "page: {port: 8080, host: 0.0.0.0}")
    with pytest.raises(ConfigError, match="token_file"):
        read_process(config / "box.yaml")


def test_a_site_of_nothing_but_reserve_is_refused(config: Path) -> None:
    text = (config / "site.yaml").read_text()
    (config / "site.yaml").write_text(re.sub(r"levels: (\d), x_mm", r"levels: 1, reserve_levels: [1], x_mm", text))
    with pytest.raises(ConfigError, match="every level holds reserve; leave out"):
        read_site(config / "site.yaml")


def test_reserve_comes_to_the_systems_as_it_stands_in_the_file(config: Path) -> None:
    change(config / "site.yaml", "levels: 4, x_mm: 0", "levels: 4, reserve_levels: [3, 4], x_mm: 0")
    change(config / "site.yaml", "face_max: 60", "face_max: 24\nface_min_percent: 10")
    told = site_message(read_site(config / "site.yaml"))
    assert [rack.reserve_levels for rack in told.racks] == [(3, 4), (), ()]
    assert (told.face_max, told.face_min_percent) == (24, 10)


def test_segments_come_to_the_systems_as_they_stand_in_the_file(config: Path) -> None:
    change(
        config / "site.yaml",
        "devices:\n",
        f"segments: [{TO_SORTER}, {{start: sorter1/L12, end: conveyor2}}]\ndevices:\n",
    )
    found = site_message(read_site(config / "site.yaml")).segments
    assert [(each.start, each.end, each.capacity) for each in found] == [
        ("conveyor1", "sorter1", 0),
        ("sorter1/L12", "conveyor2", 0),
    ]
