"""The judge of the loss audit: what it lets pass and what not."""

from edge.messages import DecisionCode, DivertUnit, ScanStatus, UnitScanned
from tests.bench.ledger import balance


def scan(boot: int, seq: int) -> UnitScanned:
    return UnitScanned(
        at_ms=seq, machine_id="conveyor1", boot=boot, seq=seq, tracking_id=seq, decision_point=1,
        status=ScanStatus.NO_READ, barcode="", recirc_count=0, budget_ms=0,
    )  # fmt: skip


def answer(boot: int, seq: int) -> DivertUnit:
    return DivertUnit(
        at_ms=seq, machine_id="conveyor1", boot=boot, seq=seq, tracking_id=seq, code=DecisionCode.PASS, reason=""
    )  # fmt: skip


def test_only_a_request_that_waited_while_its_plc_restarted_may_stay_without_an_answer() -> None:
    journal = [scan(1, 1), answer(1, 1), scan(1, 2), scan(1, 3), scan(2, 1), answer(2, 1), scan(2, 2)]
    (account,) = balance({"conveyor1": "plc"}, [], journal, [], 10)
    assert (account.requests, account.forgotten) == (5, 1)
    assert account.detail == [
        "conveyor1 open: request ('conveyor1', 1, 2)",
        "conveyor1 open: request ('conveyor1', 2, 2)",
    ]
    assert account.broken() == ["open"]
