"""The commands as a caller meets them: exit codes, results on stdout, one clear line per fault, never a traceback."""

import asyncio
import contextlib
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from edge.__main__ import main
from edge.checking import json_schema
from edge.journal import HERE, Entry, Journal
from edge.messages import (
    Departure,
    DepartureScheduled,
    DeparturesPlanned,
    Item,
    ItemsListed,
    Link,
    MachineChanged,
    Message,
    OfficeOpened,
    OrderCaptured,
    OrderLine,
    PackMl,
    PeerChanged,
    ResourceJoined,
    ResourceKind,
    SiteOpened,
    TasksPlanned,
)
from edge.systems import Systems
from tests.wes.scene import pick, small_site

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "config"
RETAIL_MAP = CONFIG / "orders-online-retail.yaml"
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
GOOD_ROW = "536365,85123A,HEART HOLDER,6,2011-11-29 08:26:00,2.55,17850,United Kingdom\n"
BAD_ROW = "536366,22752,NESTING BOXES,none,2011-11-29 08:30:00,7.65,17850,United Kingdom\n"
CREDIT_ROW = "C536379,85123A,HEART HOLDER,-1,2011-11-29 09:41:00,2.55,14527,United Kingdom\n"
T0 = 1_700_000_000_000
HOUR = 3_600_000

COMMANDS = [
    (), ("run",), ("check",), ("schema",), ("demo",), ("orders",), ("orders", "import"), ("stock",), ("stock", "seed"),
    ("report",), ("replay",), ("why",), ("why", "order"), ("why", "task"), ("why", "unit"), ("why-not",), ("whatif",),
]  # fmt: skip


@dataclass
class Done:
    """A command that ended."""

    returncode: int
    stdout: str
    stderr: str


def edge(*arguments: str | Path) -> Done:
    """The command in this process, through the same `main` as `python -m edge`. Not for those that set up logs."""
    out, faults = io.StringIO(), io.StringIO()
    argv, sys.argv = sys.argv, ["edge", *map(str, arguments)]
    code: Any = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(faults):
            main()
    except SystemExit as ended:
        code = ended.code
    finally:
        sys.argv = argv
    return Done(int(code or 0), out.getvalue(), faults.getvalue())


def spawned(*arguments: str | Path, module: str = "edge", **environment: str) -> Done:
    """The command as its own process, as far away from this one as a user's shell."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def refused(done: Done, code: int, *words: str, lines: int = 1) -> str:
    """It ended with `code`, said so in so many lines on stderr, and nothing on stdout."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    said = done.stderr.strip()
    assert len(said.splitlines()) == lines, said
    for word in words:
        assert word in said
    return said


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


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(command: tuple[str, ...]) -> None:
    done = edge(*command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: edge")
    assert all(line.strip() for line in done.stdout.split("Options:")[0].splitlines()[2:3]), "it says what it does"


@pytest.mark.parametrize("command", [(), ("run",), ("day",)], ids=" ".join)
def test_the_simulator_explains_itself(command: tuple[str, ...]) -> None:
    done = spawned(*command, "--help", module="plc_sim")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: plc-sim" in done.stdout


def test_an_unknown_command_is_a_usage_fault() -> None:
    assert "No such command" in refused(edge("fly"), 2, lines=4)


# edge check, edge run


@pytest.mark.parametrize("name", ["box.yaml", "office.yaml", "site.yaml", "orders-online-retail.yaml"])
def test_check_says_what_a_good_file_would_run(name: str) -> None:
    done = edge("check", CONFIG / name)
    assert (done.returncode, done.stderr) == (0, "")
    as_json = edge("check", CONFIG / name, "--json")
    assert json.loads(as_json.stdout)
    words = {"box.yaml": "wms + wes", "office.yaml": "departures", "site.yaml": "sorter1"}
    assert words.get(name, "InvoiceNo") in done.stdout


def test_check_names_every_finding_of_a_process_file_with_its_line(config: Path) -> None:
    box = config / "box.yaml"
    lines = {
        change(box, "name: dc1", "nmae: dc1"): "did you mean 'name'",
        change(box, "systems: [wms, wes]", "systems: [wms, tms]"): "systems.1",
        change(box, "page: {port: 8080}", "page: {port: many}"): "page.port",
    }
    said = refused(edge("check", box), 2, lines=4)  # the misspelt name is unknown, and the name is missing
    for number, words in lines.items():
        assert any(line.startswith(f"{box}:{number}:") and words in line for line in said.splitlines()), said
    assert "name: is missing" in said


def test_check_names_what_does_not_fit_between_files(config: Path) -> None:
    box = config / "box.yaml"
    line = change(box, "name: dc1", "name: dc7")
    box.write_text(box.read_text() + "items_file: nowhere.csv\n")
    said = refused(edge("check", box), 2, lines=2).splitlines()
    assert said[0].startswith(f"{box}:{line}: name:")
    assert "must be the site's name 'dc1'" in said[0]
    assert said[1].startswith(f"{box}:{len(box.read_text().splitlines())}: items_file:")


def test_check_names_every_finding_of_a_site_file_and_of_its_tags(config: Path) -> None:
    site = config / "site.yaml"
    change(site, "feeds: sorter1", "feeds: sorter7")
    change(site, "default_lane: 14", "default_lane: 44")
    said = refused(edge("check", site), 2, "'sorter7' is not in machines", "default_lane", lines=2)
    assert all(line.startswith(f"{site}:") for line in said.splitlines())
    shutil.copy(CONFIG / "site.yaml", site)
    table = config / "tags" / "robot_opcua.csv"
    table.write_text("".join(row for row in table.read_text().splitlines(True) if "JobSeqAck" not in row))
    said = refused(edge("check", site), 2, "JobSeqAck", lines=1)
    assert said.startswith(f"{table}:1:")


@pytest.mark.parametrize(
    ("content", "words"),
    [("a: [1, 2", "not valid YAML"), ("", "mapping"), ("schema: edge/site/9\n", "unknown key")],
)
def test_check_survives_what_is_no_settings_file(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "what.yaml"
    path.write_text(content)
    done = edge("check", path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert any(line.startswith(f"{path}:") for line in done.stderr.splitlines()), done.stderr


def test_run_refuses_a_process_that_meets_peers_without_a_broker(config: Path) -> None:
    refused(spawned("run", config / "box.yaml"), 2, f"{config}/box.yaml:1: broker.url", "mqtt://HOST")


def test_run_refuses_an_uncompiled_core_where_a_compiled_one_is_required(config: Path) -> None:
    box = config / "box.yaml"
    box.write_text(box.read_text() + 'require_compiled: true\nbroker: {url: "mqtt://127.0.0.1:1"}\n')
    refused(spawned("run", box, EDGE_UNCOMPILED="1"), 2, "require_compiled", "apt install gcc", "box.yaml:")
    assert "`edge run` refuses" in spawned("check", box, EDGE_UNCOMPILED="1").stdout


# edge schema


@pytest.mark.parametrize(
    ("kind", "names"),
    [("site", ["site"]), ("process", ["box", "office"]), ("orders-map", ["orders-online-retail"])],
)
def test_the_schemas_beside_the_config_are_those_of_the_code_and_fit_it(kind: str, names: list[str]) -> None:
    printed = json.loads(edge("schema", kind).stdout)
    kept = json.loads((CONFIG / f"{kind}.schema.json").read_text())
    assert kept == printed, f"run: ./run edge schema {kind} > config/{kind}.schema.json"
    jsonschema.Draft202012Validator.check_schema(kept)
    for name in names:
        text = (CONFIG / f"{name}.yaml").read_text()
        assert text.startswith(f"# yaml-language-server: $schema={kind}.schema.json\n"), name
        jsonschema.validate(YAML(typ="safe").load(text), kept)


def test_the_schema_of_a_site_refuses_what_the_settings_refuse() -> None:
    site = YAML(typ="safe").load((CONFIG / "site.yaml").read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(site | {"walk_mm_z": 1}, json_schema("site"))


def test_the_schema_of_the_report_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(edge("schema", "report").stdout))


# edge orders import, edge stock seed


@pytest.fixture
def orders_file(tmp_path: Path) -> Path:
    path = tmp_path / "orders.csv"
    path.write_text(HEADER + GOOD_ROW + BAD_ROW + CREDIT_ROW)
    return path


def test_a_dry_run_rejects_bad_rows_into_a_file_beside_and_sends_nothing(orders_file: Path) -> None:
    done = edge("orders", "import", orders_file, "--map", RETAIL_MAP, "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert "3 rows, 1 orders, 6 units" in done.stdout
    assert "1 BAD_QUANTITY" in done.stdout
    assert "nothing was sent" in done.stdout
    rejected = orders_file.with_name("orders.rejected.csv").read_text()
    assert "3,BAD_QUANTITY" in rejected
    assert "4,CREDIT_NOTE" in rejected
    said = json.loads(edge("orders", "import", orders_file, "--map", RETAIL_MAP, "--dry-run", "--json").stdout)
    assert said["rejected_rows"] == {"BAD_QUANTITY": 1, "CREDIT_NOTE": 1}
    assert (said["orders"], said["sent"]) == (1, 0)


def test_a_file_without_any_order_is_a_failure(orders_file: Path) -> None:
    orders_file.write_text(HEADER + BAD_ROW)
    done = edge("orders", "import", orders_file, "--map", RETAIL_MAP, "--dry-run")
    assert done.returncode == 1
    assert "no order in it" in done.stdout


@pytest.mark.parametrize(
    ("file", "mapping", "words"),
    [
        ("nowhere.csv", RETAIL_MAP, "nowhere.csv: No such file"),
        (CONFIG / "box.yaml", RETAIL_MAP, "columns.order_id: column 'InvoiceNo' is not in the header"),
        ("nowhere.csv", CONFIG / "box.yaml", "box.yaml:"),
    ],
)
def test_an_unusable_file_or_mapping_is_a_configuration_fault(file: str | Path, mapping: Path, words: str) -> None:
    done = edge("orders", "import", file, "--map", mapping, "--dry-run")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert words in done.stderr
    assert done.stdout == ""


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_closed_office_is_one_clear_sentence(orders_file: Path) -> None:
    url = f"http://127.0.0.1:{closed_port()}"
    done = edge("orders", "import", orders_file, "--map", RETAIL_MAP, "--office", url)
    refused(done, 1, url, "is the process running there")


@pytest.mark.parametrize("address", ["127.0.0.1:8090", "ftp://127.0.0.1", "http://", "http://127.0.0.1:99999"])
def test_what_is_no_address_is_said_at_once(orders_file: Path, address: str) -> None:
    refused(edge("orders", "import", orders_file, "--map", RETAIL_MAP, "--office", address), 1, address.rstrip("/"))


def test_stock_is_seeded_from_the_file(orders_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "seed"
    done = edge("stock", "seed", "--orders-file", orders_file, "--map", RETAIL_MAP, "--shortage", "0", "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 items" in done.stdout
    assert {path.name for path in out.iterdir()} == {"items.csv", "stock.csv", "physical.csv"}
    assert "85123A" in (out / "stock.csv").read_text()


# a small journal: report, replay, why


def order(order_id: str, quantity: int, at_ms: int) -> OrderCaptured:
    lines = (OrderLine(line=1, sku="SKU-1", quantity=quantity),)
    return OrderCaptured(at_ms=at_ms, order_id=order_id, customer="C", route="UK-NORTH", lines=lines)


EVENTS: list[Message] = [
    OfficeOpened(at_ms=T0, sites=("dc1",), process_ms=HOUR, slack_ms=0),
    DeparturesPlanned(
        at_ms=T0,
        departures=(
            Departure(departure_id="NORTH-1", site="dc1", route="UK-NORTH", carrier="X", cutoff_ms=T0 + 4 * HOUR),
        ),
    ),
    ItemsListed(at_ms=T0, items=(Item(sku="SKU-1", volume_ml=100, weight_g=100),)),
    PeerChanged(at_ms=T0, peer="dc1", online=True),
    order("A-1", 3, T0 + 1000),
    order("A-2", 0, T0 + 2000),
]


async def write_journal(path: Path, events: list[Message], *settled_otherwise: Entry, system: str = "oms") -> None:
    peers = {"dc1": ["wms", "wes"]} if system == "oms" else {"office": ["oms", "wms"]}
    systems = Systems((system,), peers)
    async with Journal(path, "office") as book:
        if events:
            await book.meta("systems", system)
            await book.meta("peers", json.dumps(peers))
        for event in events:
            settled = systems.settle(event, event.at_ms)
            await book.commit([Entry(event.at_ms, HERE, event, settled.outputs, settled.sends)])
        await book.commit(settled_otherwise)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """What an office writes: one order that waits for stock levels, one rejected."""
    path = tmp_path / "data" / "office" / "journal.db"
    asyncio.run(write_journal(path, EVENTS))
    return path


def test_a_report_of_a_journal_and_of_its_directory(journal: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    done = edge("report", journal.parents[1], "--json", "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    jsonschema.validate(result, json_schema("report"))
    assert result == json.loads(out.read_text())
    assert (result["orders"]["captured"], result["orders"]["rejected"], result["orders"]["open"]) == (2, 1, 1)
    assert "2 captured" in edge("report", journal).stdout
    refused(edge("report", journal, "--out", tmp_path / "nowhere" / "r.json"), 1, "nowhere/r.json", "No such file")


def test_a_replay_agrees_with_the_journal_it_came_from_and_not_with_another(journal: Path) -> None:
    done = edge("replay", journal, "--check", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["entries"], said["differences"]) == (len(EVENTS), [])
    assert edge("replay", journal.parents[1], "--check").stdout.startswith(f"{len(EVENTS)} events decided again")
    asyncio.run(write_journal(journal, [], Entry(T0 + 3000, HERE, order("A-3", 1, T0 + 3000), (EVENTS[0],))))
    other = edge("replay", journal, "--check")
    assert other.returncode == 1
    assert f"entry {len(EVENTS) + 1} (OrderCaptured)" in other.stdout
    assert edge("replay", journal).returncode == 0, "without --check it only tells"


def test_why_an_order_is_where_it_is(journal: Path) -> None:
    told = edge("why", "order", "A-1", "--data", journal.parents[1], "--timezone", "Europe/London")
    assert (told.returncode, told.stderr) == (0, "")
    assert "captured by api, rev 1: 1 line, 3 units, route UK-NORTH" in told.stdout
    assert "now: captured; waits to be judged" in told.stdout
    unknown = edge("why", "order", "A-9", "--data", journal)
    assert unknown.returncode == 1
    assert "not in these journals" in unknown.stdout
    as_json = json.loads(edge("why", "order", "A-1", "--data", journal, "--json").stdout)
    assert as_json["events"][0] == {"at_ms": T0 + 1000, "text": as_json["events"][0]["text"]}
    refused(edge("why", "order", "A-1", "--data", journal, "--timezone", "Mars/Base"), 2, "Mars/Base", lines=4)


SMALL_DAY = ROOT / "tests" / "journals" / "small-day.db"
"""A box's whole day: three units picked, packed, sorted and loaded."""


@pytest.fixture
def small_day(tmp_path: Path) -> Path:
    return Path(shutil.copy(SMALL_DAY, tmp_path / "journal.db"))


def test_why_a_task_and_a_unit_are_where_they_are(small_day: Path) -> None:
    before = small_day.read_bytes()
    task = edge("why", "task", "T000002", "--data", small_day)
    assert (task.returncode, task.stderr) == (0, "")
    assert task.stdout.startswith("task T000002: pick 1 x mug at B-02-03-2, order O1\n")
    assert "): was finished by bob\n" in task.stdout
    unit = edge("why", "unit", "095060001200000010", "--data", small_day, "--timezone", "Europe/Berlin", "--json")
    said = json.loads(unit.stdout)
    assert (said["known"], said["now"], len(said["tasks"])) == (True, "is loaded into N1", 3)
    assert any("sorter1 was told ROUTE to lane 1 or 2" in event["text"] for event in said["events"])
    assert [event["at_ms"] for event in said["events"]] == sorted(event["at_ms"] for event in said["events"])
    assert small_day.read_bytes() == before, "a question changes nothing"
    for command in (("task", "T0000029"), ("unit", "09506000120000001")):
        unknown = edge("why", *command, "--data", small_day)
        assert unknown.returncode == 1
        assert "not in these journals; like it: " in unknown.stdout


def test_a_day_is_run_again_under_another_strategy(small_day: Path, journal: Path) -> None:
    done = edge("replay", small_day, "--strategy", "fifo")
    assert (done.returncode, done.stderr) == (0, "")
    head, missed, *rows = done.stdout.splitlines()
    assert head.split() == ["the", "day", "simulated", "rolling", "simulated", "fifo"]
    assert missed.split() == ["missed", "cutoffs", *["0", "of", "6", "units"] * 3]
    assert any(row.split()[0] == "N1" and row.count("0/3") == 3 for row in rows if row.strip())
    assert not any("which is no more" in row for row in rows)
    said = json.loads(edge("replay", small_day, "--strategy", "edd", "--json").stdout)
    assert (said["recorded_strategy"], said["asked_strategy"]) == ("rolling", "edd")
    assert said["actual"]["tasks"] == said["recorded"]["tasks"] == said["asked"]["tasks"] == 18
    assert len(said["notes"]) >= 5
    refused(edge("replay", journal, "--strategy", "edd"), 1, "no site was opened in it")
    refused(edge("replay", small_day, "--strategy", "edd", "--check"), 2, "two questions", lines=4)


def test_why_not_asks_the_floor_as_it_stands(small_day: Path, journal: Path) -> None:
    done = edge("why-not", "T000002", "ann", "--data", small_day)
    assert (done.returncode, done.stderr) == (0, "")
    assert "): task T000002 was finished by bob\n" in done.stdout
    idle = edge("why-not", "--idle", "--data", small_day, "--json")
    assert json.loads(idle.stdout)["idle"]["ann"] == "there is no work at all"
    unknown = edge("why-not", "T000002", "anna", "--data", small_day, "--json")
    assert unknown.returncode == 1
    assert json.loads(unknown.stdout)["now"].endswith("like it: ann")
    refused(edge("why-not", "T000002", "ann", "--data", journal), 1, "no process that runs a WES")
    for wrong in ((), ("T000002",), ("T000002", "ann", "--idle")):
        refused(edge("why-not", *wrong, "--data", small_day), 2, "name a task and a resource", lines=4)
    refused(edge("why", "unit", "1", "--data", small_day, "--timezone", "Mars/Base"), 2, "Mars/Base", lines=4)


@pytest.fixture
def floor(tmp_path: Path) -> Path:
    """What a box writes whose WES has four units to pick, by one person, within the hour."""
    departure = Departure(departure_id="north-1", site="S1", route="north", carrier="X", cutoff_ms=T0 + HOUR)
    events: list[Message] = [
        SiteOpened(at_ms=T0, site=small_site(), dispatch="edd"),
        DepartureScheduled(at_ms=T0, site="S1", departure=departure),
        ResourceJoined(
            at_ms=T0, resource_id="ann", kind=ResourceKind.PERSON, skills=("pick", "pack", "load"), zones=("*",)
        ),
        *(
            MachineChanged(at_ms=T0, machine_id=name, state=PackMl.EXECUTE, link=Link.GOOD, boot=1)
            for name in ("conveyor1", "conveyor2", "sorter1")
        ),
        TasksPlanned(at_ms=T0, site="S1", tasks=tuple(pick(f"t{n}", f"hu{n}", due_ms=T0 + HOUR) for n in range(4))),
    ]
    path = tmp_path / "box" / "journal.db"
    asyncio.run(write_journal(path, events, system="wes"))
    return path


def test_what_if_tells_every_departure_before_and_after(floor: Path, small_day: Path) -> None:
    shut = ("--lane-down", "L1", "--lane-down", "L2", "--lane-down", "4")
    done = edge("whatif", "--data", floor, *shut, "--futures", "4")
    assert (done.returncode, done.stderr) == (0, "")
    head, names, row, blank, total = done.stdout.splitlines()
    assert head.endswith("4 futures, seed 1; before -> after")
    assert names.split()[:2] == ["departure", "cutoff"]
    assert row.startswith("north-1    2023-11-14 23:13  0 % -> 100 %  0.0 -> 4.0")
    assert row.endswith("-> never")
    assert blank == ""
    assert total.startswith("missed units in all: 0.00 -> 4.00, difference +4.00 (95 % interval +4.00 to +4.00")
    said = json.loads(
        edge(
            "whatif", "--data", floor, "--hold-client", "order-hu3", "--departure-earlier", "north-1=50min",
            "--pickers", "+1", "--futures", "4", "--json",
        ).stdout
    )  # fmt: skip
    (north,) = said["departures"]
    assert north["cutoff_ms"] == T0 + HOUR // 6
    assert north["before"]["miss"]["permille"] == 0
    assert any("1 handling units" in note for note in said["notes"])
    for wrong, words in (
        (("--lane-down", "L99"), "the site has sorter1/L01"),
        (("--hold-client", "zz"), "client zz: no order"),
        (("--departure-earlier", "D9=1h"), "departure D9: with open work there are north-1"),
    ):
        refused(edge("whatif", "--data", floor, *wrong, "--futures", "2"), 1, words)
    refused(edge("whatif", "--data", floor), 2, "name a change", lines=4)
    refused(edge("whatif", "--data", floor, "--departure-earlier", "soon"), 2, "D7=30min", lines=4)
    refused(edge("whatif", "--data", small_day, "--pickers", "+1"), 1, "no departure has open work")


def garbage(folder: Path) -> dict[str, Path]:
    (folder / "text").write_text("not a journal at all, but long enough to be read as one " * 20)
    (folder / "empty").touch()
    (folder / "folder").mkdir()
    return {name: folder / name for name in ("text", "empty", "folder", "nowhere")}


@pytest.mark.parametrize("what", ["text", "empty", "folder", "nowhere"])
@pytest.mark.parametrize(
    "command", [("report",), ("replay", "--check"), ("why", "order", "A-1", "--data"), ("why-not", "--idle", "--data")]
)
def test_garbage_is_no_journal(tmp_path: Path, command: tuple[str, ...], what: str) -> None:
    done = edge(*command, garbage(tmp_path)[what])
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert str(tmp_path / what) in done.stderr
    assert len(done.stderr.splitlines()) <= 4


def test_a_journal_that_was_cut_short_is_said_so(journal: Path) -> None:
    journal.write_bytes(journal.read_bytes()[:6000])
    for command in (("report",), ("replay",), ("why", "order", "A-1", "--data")):
        done = edge(*command, journal)
        assert done.returncode == 1, done.stdout
        assert "Traceback" not in done.stderr
        assert str(journal) in done.stderr


def test_a_journal_no_process_ever_ran_with_cannot_be_replayed(tmp_path: Path) -> None:
    asyncio.run(write_journal(tmp_path / "journal.db", []))
    refused(edge("replay", tmp_path, "--check"), 1, "no process ever ran with it")


# whole days


def test_a_virtual_day_writes_the_same_report_to_a_file(tmp_path: Path) -> None:
    report = tmp_path / "r.json"
    done = spawned("day", "--orders", "20", "--seed", "1", "--report", report, module="plc_sim")
    assert done.returncode == 0, done.stderr
    result = json.loads(report.read_text())
    jsonschema.validate(result, json_schema("report"))
    assert (result["orders"]["captured"], result["orders"]["open"], result["stock"]["balanced"]) == (20, 0, True)
    assert "20 captured" in done.stdout
    assert "20 orders in" in done.stderr


@pytest.mark.parametrize("module", ["edge", "plc_sim"])
def test_an_orders_file_needs_its_map(orders_file: Path, module: str) -> None:
    command = "demo" if module == "edge" else "day"
    done = spawned(command, "--orders-file", orders_file, module=module)
    assert done.returncode == 2
    assert "--orders-file needs --map" in done.stderr


def test_a_demo_finds_out_at_once_what_would_fail_at_its_end(tmp_path: Path, orders_file: Path) -> None:
    refused(spawned("demo", "--report", tmp_path / "nowhere" / "r.json"), 2, "--report", "No such file")
    (tmp_path / "file").touch()
    refused(spawned("demo", "--data", tmp_path / "file" / "data"), 2, "--data")
    refused(spawned("demo", "--config", tmp_path), 2, "site.yaml: No such file")
    orders_file.write_text(HEADER + BAD_ROW)
    done = spawned("demo", "--orders-file", orders_file, "--map", RETAIL_MAP, "--data", tmp_path / "data")
    refused(done, 2, "no order in it")


def demo(data: Path, *options: str) -> subprocess.Popen[str]:
    """A demo that is the head of its own process group, as under a shell."""
    command = [sys.executable, "-m", "edge", "demo", "--headless", "--until-done", "--data", str(data), *options]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, cwd=ROOT
    )


def processes_of(data: Path) -> list[str]:
    """The command lines of what still runs for a demo."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = line.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(data) in words:
            found.append(words)
    return found


def wait_until_gone(data: Path) -> None:
    until = time.monotonic() + 20
    while processes_of(data) and time.monotonic() < until:
        time.sleep(0.2)
    assert processes_of(data) == []


def wait_for(process: subprocess.Popen[str], pattern: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if re.search(pattern, line):
            return
    raise AssertionError(f"it ended without {pattern!r}: {process.stderr.read() if process.stderr else ''}")


def finished(data: Path, *options: str, orders: int) -> dict[str, Any]:
    """Runs a demo to its end; what its report says."""
    report = data.with_suffix(".json")
    process = demo(
        data, "--orders", str(orders), "--speed", "10", "--time-limit", "5", "--report", str(report), *options
    )
    said, faults = process.communicate(timeout=600)
    assert process.returncode == 0, said + faults
    result: dict[str, Any] = json.loads(report.read_text())
    assert result["orders"]["captured"] == orders
    assert result["orders"]["open"] == 0
    assert result["stock"]["balanced"]
    assert result["findings"] == []
    return result


@pytest.mark.scenario
@pytest.mark.timeout(900)
def test_a_second_run_ends_a_day_that_is_over_at_once_and_keeps_the_report_true(tmp_path: Path) -> None:
    first = finished(tmp_path / "data", orders=6)
    started = time.monotonic()
    second = finished(tmp_path / "data", orders=6)
    assert time.monotonic() - started < 20, "nothing had to be started"
    for part in ("orders", "lines", "units", "stock", "otif"):
        assert second[part] == first[part], part
    composition = spawned("demo", "--headless", "--until-done", "--data", tmp_path / "data", "--wms-in-office")
    refused(composition, 2, "was begun without --wms-in-office")


@pytest.mark.scenario
@pytest.mark.timeout(1200)
def test_a_day_killed_half_way_is_finished_by_the_next_run(tmp_path: Path) -> None:
    data = tmp_path / "data"
    process = demo(data, "--orders", "12", "--speed", "10")
    try:
        wait_for(process, r"orders ([3-9]|1[0-2])/12, [1-9]")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    wait_until_gone(data)
    result = finished(data, orders=12)
    assert result["units"]["ordered"] == result["units"]["shipped"] + result["units"]["short"]


@pytest.mark.scenario
@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_demo_that_is_stopped_leaves_no_process_behind(tmp_path: Path, how: signal.Signals) -> None:
    data, report = tmp_path / "data", tmp_path / "r.json"
    process = demo(data, "--orders", "5", "--report", str(report))
    wait_for(process, "orders 0/5")
    second = spawned("demo", "--headless", "--data", data)
    refused(second, 2, "another demo runs there")
    process.send_signal(how)
    _, faults = process.communicate(timeout=60)
    assert "Traceback" not in faults
    wait_until_gone(data)
    if how != signal.SIGKILL:
        assert process.returncode == 130
        assert "stopped with 5 orders not final" in faults
        assert json.loads(report.read_text())["orders"]["captured"] == 0


@pytest.mark.scenario
@pytest.mark.timeout(300)
def test_a_time_limit_ends_with_3_and_a_report(tmp_path: Path) -> None:
    report = tmp_path / "r.json"
    process = demo(tmp_path / "data", "--orders", "3", "--time-limit", "0.05", "--report", str(report))
    _, faults = process.communicate(timeout=120)
    assert process.returncode == 3
    assert "the time limit (0.05 min) passed with 3 orders not final: G00001" in faults
    jsonschema.validate(json.loads(report.read_text()), json_schema("report"))
    wait_until_gone(tmp_path / "data")
