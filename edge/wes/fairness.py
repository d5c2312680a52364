"""Equal work: where two people would do a task equally well, the one who has worked less this shift gets it."""

from edge.messages import ResourceKind
from edge.wes.floor import Floor
from edge.wes.state import ResourceRecord
from edge.wes.tasks import TaskRecord

Pair = tuple[ResourceRecord, TaskRecord]


def even_out(floor: Floor, pairs: list[Pair]) -> tuple[list[Pair], list[ResourceRecord]]:
    """The chosen pairs with nobody in them whose like has worked less and is free; and who is free instead."""
    taken = {resource.resource_id: None for resource, _ in pairs}
    free: dict[tuple[int, int, int], list[ResourceRecord]] = {}
    for each in floor.idle(ResourceKind.PERSON):
        if each.resource_id not in taken:
            free.setdefault(likeness(floor, each), []).append(each)
    found: list[Pair] = []
    spared: list[ResourceRecord] = []
    for resource, record in pairs:
        others = free.get(likeness(floor, resource), []) if resource.kind is ResourceKind.PERSON else []
        who = min([resource, *others], key=lambda each: (each.worked_ms, each.number))
        if who is not resource:
            others[others.index(who)] = resource
            spared.append(resource)
        found.append((who, record))
    chosen = {resource.resource_id: None for resource, _ in found}
    return found, [each for each in spared if each.resource_id not in chosen]


def likeness(floor: Floor, resource: ResourceRecord) -> tuple[int, int, int]:
    """What a task's cost depends on: skills and zones, the place, and how quick somebody is."""
    board, row = floor.plan.board, resource.row
    return int(board.r_group[row]), int(board.r_area[row]), int(board.r_factor_q10[row])
