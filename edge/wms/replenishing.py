"""From the reserve down to the pick face: booking replenishments, and putting short ones right."""

from edge.messages import TaskCompleted
from edge.wms.faces import free_reserve
from edge.wms.ledger import ADJUSTMENT
from edge.wms.picking import call_off, put_right
from edge.wms.state import TaskRecord
from edge.wms.warehouse import Warehouse


def replenished(house: Warehouse, record: TaskRecord, message: TaskCompleted) -> None:
    """Goods lie at their face, and who waited for them can pick. Fewer than asked: the reserve there is empty.

    Then all who waited are served anew, the most urgent first: from what came, from elsewhere, or not at all.
    """
    task, quantity = record.task, max(message.quantity, 0)
    waiting = house.open_tasks(house.waiting_on, task.task_id)
    short = quantity < task.quantity
    wanted = [call_off(house, pick, f"replenishment {task.task_id} came up short") for pick in waiting] if short else []
    house.end_task(record)
    free_reserve(house, record)
    _bring_down(house, record, quantity)
    if short:
        put_right(house, task.source, record.goods, wanted, task.task_id, "short_replenish")
        return
    for pick in waiting:
        balance = house.ledger.find(task.target, record.goods)
        assert balance is not None, "it was brought there"
        house.ledger.allocate(balance, pick.task.quantity)
        house.frees(pick)


def replenished_late(house: Warehouse, record: TaskRecord, message: TaskCompleted) -> None:
    """A withdrawn replenishment was done all the same: what came down came down."""
    house.end_task(record)
    _bring_down(house, record, max(message.quantity, 0))


def _bring_down(house: Warehouse, record: TaskRecord, quantity: int) -> None:
    """One movement from the reserve to the face; what the book did not have there was found."""
    task, goods = record.task, record.goods
    if not quantity:
        return
    here = house.ledger.find(task.source, goods)
    found = quantity - (here.available if here else 0)
    if found > 0:
        house.ledger.arrive()
        house.book(goods, found, ADJUSTMENT, task.source, "found", task.task_id)
    house.book(goods, quantity, task.source, task.target, "replenish", task.task_id)
