"""The file of results: written anew after every seed, and read again by who wants to go on where a run was stopped."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.bench.yardstick import ROOT, canonical, machine
from tests.exam.floor.comparing import Case, compare
from tests.exam.floor.model import Measures
from tests.exam.floor.scenarios import SCENARIOS, parameters_of
from tests.exam.floor.verdict import verdicts

Runs = list[tuple[Case, Measures]]
CODE = ("edge/wes/*.py", "tests/exam/floor/*.py")


class OtherResults(Exception):
    """The file does not fit what is to be run; the text says why and what to do."""


def code() -> str:
    """A digest of what decides and of what it is played on."""
    digest = hashlib.sha256()
    for pattern in CODE:
        for path in sorted(ROOT.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def circumstances(cases: Sequence[Case]) -> dict[str, Any]:
    """What must be the same for runs to stand in one file: machine, code, and the parameters of every strategy."""
    pairs = sorted({(SCENARIOS[case.scenario].tuned_as, case.strategy) for case in cases})
    parameters = {f"{where} {strategy}": asdict(parameters_of(where, strategy)) for where, strategy in pairs}
    return {"machine": machine(), "code": code(), "parameters": parameters}


def write(path: Path, runs: Runs) -> None:
    """All of it, at once: who reads sees the old file or the new one."""
    whole = {
        "name": "floor", "rows": compare(runs), "verdict": verdicts(runs),
        "runs": [[*case.cell, case.seed, case.hours, measures] for case, measures in runs],
    }  # fmt: skip
    beside = path.with_name(path.name + ".new")
    beside.write_text(canonical([whole | circumstances([case for case, _ in runs])]))
    beside.replace(path)


def read(path: Path) -> Runs:
    """The runs of the file, none if there is no file. OtherResults: made otherwise than a run of now would be."""
    if not path.exists():
        return []
    try:
        whole = json.loads(path.read_text())
        runs = [(Case(*key), measures) for *key, measures in whole["runs"]]
        made = {name: whole[name] for name in ("machine", "code", "parameters")}
    except (ValueError, KeyError, TypeError) as wrong:
        raise OtherResults(f"{path} is no file of results ({wrong}): give another --json") from wrong
    if made != circumstances([case for case, _ in runs]):
        raise OtherResults(f"{path} was made by other code or on another machine: remove it, or give another --json")
    return runs
