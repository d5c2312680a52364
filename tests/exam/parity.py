"""The compiled core and the plain one give the same answers: 100 000 random cases through every compiled module.

`sit(folder, quick)` plays the same cases in two processes, one with the core as it is built and one that looks past the
compiled files (EDGE_UNCOMPILED), and compares a digest of every hundred cases. `folder` is not read: cases are drawn
from the number of the case alone. Result:

    cases, same, identical       cases played and how many of them lie in blocks of equal digests
    compiled, plain              modules that ran compiled in each process: all, and none
    modules{}                    cases, digest, differs (the first case of the first block that differs, -1: none),
                                 compiled_s, plain_s (processor time)
"""

import hashlib
import importlib
import json
import os
import subprocess
import sys
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from time import process_time
from typing import Any

from edge.messages import Lane, Machine
from edge.wes.board import CARRY, IDLE, INSIDE, LOAD, NONE, PACK, PICK, QUEUED, STAGED, Board
from edge.wes.chance import QUANTILES, Chance, Standstill, Tables, Timetable
from edge.wes.dispatch import STRATEGIES, Dispatcher, Tuning
from edge.wes.entry import Entry
from edge.wes.forecast import Forecast
from edge.wes.future import Future
from edge.wes.index import NEVER_MS, Index, log_q32
from edge.wes.matching import Matching
from edge.wes.notes import Agenda, Notes, Tally
from edge.wes.route import NOWHERE, Spot
from edge.wes.sequence import atc_order, repair, total
from edge.wes.sort import Barcodes, LanePlan, key_of
from edge.wes.tour import largest_gap_mm, s_shape_mm, tour
from tests.bench.yardstick import Row, ratio

WORDS = "The same random cases through the compiled core and the plain one"
ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).parent / "instances"
MODULES = ("board", "chance", "dispatch", "entry", "future", "index", "matching", "notes", "sequence", "sort", "tour")
CASES = {
    "board": 12_000, "index": 12_000, "matching": 12_000, "dispatch": 10_000, "sort": 12_000, "tour": 14_000,
    "sequence": 8_000, "chance": 12_000, "notes": 4_000, "future": 2_000, "entry": 2_000,
}  # fmt: skip
QUICK = 3
"""Cases of each module."""
BLOCK = 100
LIMIT_S = 3600
MINUTE_MS = 60_000
AREAS = 6

Answer = list[Any]


# The cases: small, and with everything in them that the module can do


def a_board(chance: Random, units: int) -> Board:
    """Two zones with pickers, packers and loaders, units with tasks that wait for each other, two departures."""
    travel = [1500 * abs(a - b) + 500 * (a != b) for a in range(AREAS) for b in range(AREAS)]
    board = Board(AREAS, array("q", travel))
    for zone in range(2):
        for lo, hi in ((2 * zone, 2 * zone + 2), (2 * zone, 2 * zone + 2), (4, AREAS)):
            board.add_class(lo, hi)
        board.add_zone(zone + 1, 1 + chance.randrange(4), 3 * zone + 2, 2 * zone)
    board.group_classes = [array("q", [0, 1]), array("q", [3, 4]), array("q", [2, 5]), array("q", [0, 3])]
    for number in range(2):
        board.add_departure(number + 1, (10 + 20 * number + chance.randrange(20)) * MINUTE_MS, 4 + number)
    for number in range(3 + chance.randrange(4)):
        row = board.add_resource(
            NONE, number + 1, chance.randrange(4), chance.randrange(AREAS), 800 + chance.randrange(500)
        )
        board.rest(row, IDLE, board.r_area[row], 0)
    for number in range(units):
        a_unit(chance, board, number + 1)
    return board


def a_unit(chance: Random, board: Board, number: int) -> None:
    zone, departure = chance.randrange(2), chance.randrange(2)
    unit = board.add_unit(number, zone, QUEUED, chance.randrange(1 << 30), departure, 0, 0)
    due_ms = board.d_cutoff_ms[departure] - chance.randrange(8 * MINUTE_MS)
    picks = []
    for step in range(1 + chance.randrange(3)):
        picks.append(a_task(chance, board, 10 * number + step, PICK, 3 * zone, 2 * zone, due_ms, unit))
    pack = a_task(chance, board, 10 * number + 9, PACK, 3 * zone + 1, 2 * zone, due_ms, unit)
    for pick in picks:
        board.wait_for(pack, pick)


def a_task(chance: Random, board: Board, number: int, kind: int, cls: int, lo: int, due_ms: int, unit: int) -> int:
    area = lo + chance.randrange(2)
    work_ms = 5000 + chance.randrange(90_000)
    departure = board.u_departure[unit]
    next_ms = due_ms + chance.randrange(60 * MINUTE_MS)
    weight = 1 + chance.randrange(16)
    return board.add_task(NONE, number, kind, cls, area, area, weight, work_ms, due_ms, next_ms, unit, departure)


def board_case(chance: Random) -> Answer:
    board = a_board(chance, 1 + chance.randrange(8))
    said: Answer = [board.digest(), board.bytes()]
    twin = board.fork()
    for _ in range(chance.randrange(12)):
        open_tasks = [row for row in range(board.rows["t"].used) if board.t_state[row]]
        if open_tasks:
            board.end_task(chance.choice(open_tasks))
        a_unit(chance, board, 100 + chance.randrange(900))
        said.append(board.start(chance.randrange(3), board.rows["t"].used - 1, chance.randrange(1 << 30)))
    return [*said, board.digest(), twin.digest()]


def index_case(chance: Random) -> Answer:
    travel = array("q", [(chance.randrange(3) << 32) * (a != b) for a in range(4) for b in range(4)])
    index = Index(4, (1 << 32) // (1000 + chance.randrange(300_000)), travel)
    for lo, hi in ((0, 4), (1, 3), (2, 4)):
        index.add_class(lo, hi)
    said: Answer = [log_q32(1 + chance.randrange(1 << 61))]
    out, now_ms = array("q", bytes(8 * 8)), 0
    for item in range(8 + chance.randrange(24)):
        cls = chance.randrange(3)
        area = (0, 1, 2)[cls] + chance.randrange((4, 2, 2)[cls])
        times = sorted(chance.randrange(1 << 22) for _ in range(3))
        top, slope = chance.randrange(1 << 40), index.slope
        line, line2 = top - times[0] * slope, top - times[2] * slope
        if chance.random() < 0.2:
            times[1] = NEVER_MS
        index.put(item, cls, area, item, top, line, times[0], times[1], line2, times[2])
        now_ms += chance.randrange(1 << 17)
        classes = array("q", sorted(chance.sample(range(3), 1 + chance.randrange(3))))
        here = chance.randrange(4)
        best = index.best(classes, len(classes), here, now_ms)
        found = index.leaders(classes, len(classes), here, now_ms, 8, out)
        said += [best, index.value(item, now_ms), found, list(out[:found])]
        if best >= 0 and chance.random() < 0.5:
            index.take(best)
    return [*said, index.fork().count]


def matching_case(chance: Random) -> Answer:
    matching, said = Matching(2, 4), list[Any]()
    for _ in range(10 + chance.randrange(20)):
        rows, cols = [[n for n in range(8) if has(n)] for has in (matching.has_row, matching.has_col)]
        move = chance.randrange(5)
        if move < 3:
            new, ends, add = (
                (len(rows) and max(rows) + 1, cols, matching.add_row) if move == 0
                else (len(cols) and max(cols) + 1, rows, matching.add_col)
            )  # fmt: skip
            if new < 8:
                chosen = array("q", sorted(chance.sample(ends, chance.randrange(len(ends) + 1))))
                costs = array("q", [chance.randrange(-1000, 1 << 40) for _ in chosen])
                add(new, chosen, costs, len(chosen))
        elif rows and move == 3:
            matching.remove_row(chance.choice(rows)) if chance.random() < 0.5 else matching.commit(chance.choice(rows))
        elif cols:
            matching.remove_col(chance.choice(cols))
        said += [matching.total(), matching.violations(), matching.scanned]
    twin = Matching()
    twin.load(matching.save())
    return [*said, matching.save(), twin.total()]


def dispatch_case(chance: Random) -> Answer:
    board, said, now_ms = a_board(chance, 2 + chance.randrange(8)), list[Any](), 0
    tuning = Tuning(tolerance_ms=chance.randrange(600_000), margin_permille=chance.randrange(400))
    dispatcher = Dispatcher(board, chance.randrange(len(STRATEGIES)), tuning)
    for row in range(board.rows["r"].used):
        dispatcher.hands(row, now_ms)
    for row in range(board.rows["t"].used):
        if not board.t_waits[row]:
            dispatcher.offer(row, now_ms)
    for _ in range(4):
        now_ms += chance.randrange(5 * MINUTE_MS)
        for i in range(dispatcher.choose(now_ms)):
            resource, task = dispatcher.chosen_r[i], dispatcher.chosen_t[i]
            said.append((resource, task, board.start(resource, task, now_ms)))
            dispatcher.hands(resource, now_ms)
        for resource in range(board.rows["r"].used):
            if board.r_task[resource] >= 0 and chance.random() < 0.6:
                board.end_task(board.r_task[resource])
                board.rest(resource, IDLE, board.r_area[resource], now_ms)
                dispatcher.hands(resource, now_ms)
        said += [dispatcher.index.count, [dispatcher.wanted_by(row) for row in range(board.rows["t"].used)]]
    return [*said, dispatcher.save()]


def sort_case(chance: Random) -> Answer:
    lanes = tuple(Lane(lane=n, capacity=2 + n, x_mm=0, y_mm=0, pool=n == 5, min_gap_ms=n * 100) for n in range(1, 6))
    sorter = Machine(
        machine_id="s", kind="sorter", zone="", lanes=lanes, hospital_lane=chance.randrange(6), max_recirc=2
    )
    barcodes = Barcodes()
    plan, said, names = LanePlan(sorter, barcodes), list[Any](), list[str]()
    for number in range(6):
        split = chance.randrange(6)
        chosen = chance.sample(range(5), 5)
        plan.set_row(number, sorted(chosen[:split]), sorted(chosen[split : split + chance.randrange(3)]))
    for _ in range(30):
        digits = "".join(chance.choice("0123456789") for _ in range(chance.randrange(1, 21)))
        text = chance.choice([digits, f"hu-{digits}", chr(0x100 + chance.randrange(900)) * 3])
        names.append(text)
        said += [key_of(text), barcodes.bind(text, chance.randrange(6))]
        plan.show(chance.randrange(5), chance.randrange(5), chance.randrange(3), chance.choice([0, 0, 1, 2, 4]), 0)
        scanned, rounds, now_ms = chance.choice(names), chance.randrange(4), chance.randrange(1000)
        said += [plan.decide(scanned, rounds, now_ms), barcodes.count]
        if chance.random() < 0.2:
            said.append(barcodes.unbind(chance.choice(names)))
    return [*said, [plan.row(number) for number in range(6)], [plan.seen(position) for position in range(5)]]


def a_spot(chance: Random, kind: int) -> Spot:
    """In one of some aisles side by side, of aisles of other lengths too, or anywhere."""
    x = 3000 * chance.randrange(6)
    if kind == 0 or chance.random() < 0.7:
        return Spot(x, 1200 * chance.randrange(20), -1200, 24_000)
    if kind == 1:
        return Spot(x, 40_000 + 1200 * chance.randrange(9), 38_800, 52_000)
    return chance.choice([NOWHERE, Spot(chance.randrange(40_000), chance.randrange(40_000), 7, 7)])


def tour_case(chance: Random) -> Answer:
    kind = chance.randrange(3)
    spots = [a_spot(chance, kind) for _ in range(chance.randrange(1, 9))]
    start, end = a_spot(chance, kind), a_spot(chance, kind)
    found = tour(spots, start, end, chance.randrange(400))
    aisles = [a_spot(chance, 0) for _ in range(1 + chance.randrange(5))]
    depot = Spot(0, -1200, -1200, -1200)
    return [
        found.length_mm,
        found.order,
        found.method,
        s_shape_mm(aisles, depot, depot),
        largest_gap_mm(aisles, depot, depot),
    ]


def sequence_case(chance: Random) -> Answer:
    n = chance.randrange(1, 16)
    work, weight = [1 + chance.randrange(100) for _ in range(n)], [1 + chance.randrange(10) for _ in range(n)]
    due = [chance.randrange(-50, 60 * n) for _ in range(n)]
    first = atc_order(work, weight, due, 1 + chance.randrange(400))
    found, cost = repair(work, weight, due, first, 100 * n, chance.randrange(1 << 40))
    return [list(first), total(first, work, weight, due), list(found), cost]


def chance_case(chance: Random) -> Answer:
    luck, tables = Chance(chance.randrange(1 << 62)), Tables(2, 2)
    table = tables.enter(sorted(1 + chance.randrange(1 << 20) for _ in range(QUANTILES)))
    said: Answer = [luck.enter(chance.randrange(16), chance.randrange(1 << 40)), luck.draw()]
    said += [luck.wait_ms(chance.randrange(1 << 39)), tables.mean_ms(table)]
    said.append(tables.left_ms(table, luck.draw(), chance.randrange(1 << 21), 1 + chance.randrange(2048)))
    plan = Timetable()
    plan.closings = [(chance.randrange(2), chance.randrange(1000), 1000 + chance.randrange(1000)) for _ in range(3)]
    plan.lanes = [(0, 100, 100 + chance.randrange(900))]
    plan.breakdowns = [(0, 1 + chance.randrange(50_000), 1 + chance.randrange(5000))]
    still = Standstill(plan, array("q", [1, 2]), 2, 1, luck, 0, 100_000)
    at_ms = chance.randrange(3000)
    return [
        *said,
        still.ends(),
        still.stands(0, at_ms),
        still.off_machines_ms(1, at_ms, 500),
        still.in_lane_ms(0, at_ms),
    ]


def notes_case(chance: Random) -> Answer:
    agenda, said = Agenda(), list[int]()
    for item in range(80):
        agenda.put(chance.randrange(1 << 40), item, item)
        if agenda.count and chance.random() < 0.4:
            said.append(agenda.take())
    return [*said, *(agenda.take() for _ in range(agenda.count))]


def a_dock(chance: Random) -> tuple[list[tuple[int, int, int]], list[int]]:
    """Room in the lanes of two departures, which may share some."""
    units, other = 1 + chance.randrange(5), 1 + chance.randrange(5)
    if chance.random() < 0.5:
        return [(0, 0, units), (1, 1, other)], [units, other]
    return [(0, 0, units), (1, 0, other)], [max(units, other) + chance.randrange(3)]


def stations(chance: Random) -> list[tuple[int, int, int]]:
    """One for both zones, or one for each."""
    return [(0, 0, 1 + chance.randrange(3)), (1, chance.randrange(2), 1 + chance.randrange(3))]


def entry_case(chance: Random) -> Answer:
    board, plan, said = a_board(chance, 12), Timetable(), list[int]()
    plan.berths, plan.shared = a_dock(chance)
    plan.stations = stations(chance)
    notes = Notes(board, plan, Chance(1), 1024)
    entry = Entry(board, plan, Tally(2, 6, 2, 4), notes)
    for unit in range(12):
        notes.u_limited[unit] = notes.u_packed[unit] = chance.randrange(2)
        entry.join(unit)
    for now_ms in range(0, 30_000, 1000):
        unit = entry.admit(chance.randrange(2), now_ms)
        said.append(unit)
        if unit >= 0:
            board.u_state[unit] = INSIDE
            entry.count(unit, 1)
        other = chance.randrange(12)
        entry.turn(other, chance.randrange(1 << 30))
        if board.u_state[other] in (INSIDE, STAGED):
            entry.count(other, -1)
            board.z_inside[board.u_zone[other]] -= board.u_state[other] == INSIDE
            entry.leave_station(other)
            board.u_state[other] = STAGED if board.u_state[other] == INSIDE else 0
            entry.count(other, 1)
        entry.call(chance.randrange(2))
        entry.load(chance.randrange(2), 1)
        entry.load(chance.randrange(2), -1)
        said.append(entry.room(chance.randrange(2)))
    return said


def future_case(chance: Random) -> Answer:
    board, tables = a_board(chance, 2 + chance.randrange(6)), Tables(6, 2)
    for kind, offset in ((PICK, 0), (PACK, 1), (LOAD, 2), (CARRY, 2)):
        table = tables.enter(sorted(1000 + chance.randrange(120_000) for _ in range(QUANTILES)))
        for zone in range(2):
            tables.work[kind * 6 + 3 * zone + offset] = table
    plan = Timetable()
    plan.closings = [(chance.randrange(2), 0, chance.randrange(10 * MINUTE_MS))]
    if chance.random() < 0.5:
        plan.berths, plan.shared = a_dock(chance)
        plan.stations = stations(chance)
    strategy, seed = chance.randrange(len(STRATEGIES)), chance.randrange(1 << 40)
    future = Future(board, tables, strategy, Tuning(), 0, seed, plan)
    future.run()
    tally = future.tally
    columns = (
        tally.units,
        tally.open,
        tally.missed,
        tally.finish_ms,
        tally.waited_ms,
        tally.stage_ms,
        tally.load_permille,
    )
    foreseen = Forecast(board, tables, strategy, Tuning(), 0, 2, seed, plan, action_futures=1).run()
    return [future.events, future.now_ms, [list(column) for column in columns], foreseen]


PLAYED: dict[str, Callable[[Random], Answer]] = {
    "board": board_case, "index": index_case, "matching": matching_case, "dispatch": dispatch_case, "sort": sort_case,
    "tour": tour_case, "entry": entry_case,
    "sequence": sequence_case, "chance": chance_case, "notes": notes_case, "future": future_case,
}  # fmt: skip


# Two processes


def play(counts: dict[str, int]) -> dict[str, Any]:
    """Plays so many cases of each module here: the digests of all blocks, and which modules are compiled."""
    played = {}
    for name, count in counts.items():
        started, blocks = process_time(), []
        for first in range(0, count, BLOCK):
            digest = hashlib.sha256()
            for number in range(first, min(first + BLOCK, count)):
                digest.update(repr(PLAYED[name](Random(f"{name} {number}"))).encode())
            blocks.append(digest.hexdigest())
        played[name] = {"blocks": blocks, "cpu_s": round(process_time() - started, 2)}
    compiled = [name for name in MODULES if not is_plain(name)]
    return {"compiled": compiled, "played": played}


def is_plain(module: str) -> bool:
    path = importlib.import_module(f"edge.wes.{module}").__file__
    return path is not None and path.endswith(".py")


def play_apart(counts: dict[str, int], *, uncompiled: bool) -> "subprocess.Popen[str]":
    """The same in a process of its own."""
    env = {key: value for key, value in os.environ.items() if key != "EDGE_UNCOMPILED"}
    if uncompiled:
        env["EDGE_UNCOMPILED"] = "1"
    command = [sys.executable, "-m", "tests.exam.parity", json.dumps(counts)]
    return subprocess.Popen(command, cwd=ROOT, env=env | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True)


def sit(folder: Path, quick: bool) -> dict[str, Any]:
    """Plays all cases (a few of each module when quick) with both cores, and compares. RuntimeError: one broke."""
    counts = dict.fromkeys(CASES, QUICK) if quick else CASES
    processes = [play_apart(counts, uncompiled=uncompiled) for uncompiled in (False, True)]
    told = []
    try:
        for process in processes:
            said, _ = process.communicate(timeout=LIMIT_S)
            if process.returncode:
                raise RuntimeError(f"exam: parity: ended with {process.returncode}; what it said stands above")
            told.append(json.loads(said))
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return compare(counts, *told)


def compare(counts: dict[str, int], ours: dict[str, Any], plain: dict[str, Any]) -> dict[str, Any]:
    """What the two processes said, side by side."""
    modules, same = {}, 0
    for name, count in counts.items():
        one, other = ours["played"][name], plain["played"][name]
        differing = [n for n, pair in enumerate(zip(one["blocks"], other["blocks"], strict=True)) if pair[0] != pair[1]]
        same += count - sum(min(BLOCK, count - n * BLOCK) for n in differing)
        modules[name] = {
            "cases": count,
            "digest": hashlib.sha256("".join(one["blocks"]).encode()).hexdigest()[:16],
            "differs": differing[0] * BLOCK if differing else -1,
            "compiled_s": one["cpu_s"],
            "plain_s": other["cpu_s"],
        }
    cases = sum(counts.values())
    return {
        "cases": cases,
        "same": same,
        "identical": same == cases,
        "compiled": len(ours["compiled"]),
        "plain": len(plain["compiled"]),
        "modules": modules,
    }


def rows(figures: dict[str, Any]) -> list[Row]:
    """The figures in plain words."""
    of, table = len(MODULES), list[Row]()
    cores = f"{figures['compiled']} of {of} modules compiled, {figures['plain']} in the other process"
    table.append(Row("cases with the same answers", f"{figures['same']}", f"{figures['cases']}, {cores}",
                     ratio(figures["same"], figures["cases"])))  # fmt: skip
    for name, each in figures["modules"].items():
        differs = "" if each["differs"] < 0 else f", OTHER ANSWERS from case {each['differs']} on"
        measured = f"{each['cases']} cases, {each['digest']}{differs}"
        limit = f"compiled {each['compiled_s']} s, plain {each['plain_s']} s"
        table.append(Row(name, measured, limit, float(each["differs"] < 0)))
    return table


def main(arguments: Sequence[str]) -> None:
    """The process of `play_apart`."""
    print(json.dumps(play(json.loads(arguments[0]))))


if __name__ == "__main__":
    main(sys.argv[1:])
