"""Where an order comes from: what the sites say they have, less what is already promised from it.

How nothing is counted twice. A site's `available` leaves out what it has hard-allocated. A promise made here is soft:
it is taken off `available` from acceptance until the site admits the order. On OrderAdmitted the soft promise ends,
and because the level that shows the allocation may still be under way, the remembered level is lowered by the same
units and stamped with the time of admission, unless the level we have is as new as the admission. The next level the
site reports replaces that estimate; levels older than what we have are ignored. Levels and admissions carry the one
clock of the site, so it does not matter which of the two comes first.

An order comes from ONE site. Units no level covers are backordered at once and are not released. This version does
NOT release a backordered remainder by itself when stock comes in later: the customer orders it again.
"""

from edge.messages import ItemsListed, OrderLine, StockLevelsChanged
from edge.oms.orders import Order
from edge.oms.state import SKUS_MAX, Level, State, count


def list_items(state: State, message: ItemsListed) -> None:
    """Take the catalogue or a change to it; the OMS needs only which items exist."""
    for item in message.items:
        if item.sku not in state.skus and len(state.skus) >= SKUS_MAX:
            count(state, "SKUS_FULL")
        else:
            state.skus[item.sku] = None


def change_levels(state: State, message: StockLevelsChanged) -> None:
    """Take what a site has; a level older than the one we have changes nothing."""
    table = state.levels.setdefault(message.site, {})
    for level in message.levels:
        known = table.get(level.sku)
        if known is not None and message.at_ms < known.at_ms:
            count(state, "LEVEL_OUTDATED")
        elif known is None and len(table) >= SKUS_MAX:
            count(state, "LEVELS_FULL")
        else:
            table[level.sku] = Level(at_ms=message.at_ms, on_hand=level.on_hand, available=level.available)


def levels_known(state: State) -> bool:
    """At least one of our sites has said what it has; before that nothing can be judged."""
    return any(site in state.levels for site in state.sites)


def free_units(state: State, site: str, sku: str) -> int:
    """Units of an item that may still be promised from a site."""
    level = state.levels.get(site, {}).get(sku)
    if level is None:
        return 0
    return max(0, level.available - state.promised.get(site, {}).get(sku, 0))


def fill(state: State, site: str, lines: tuple[OrderLine, ...]) -> tuple[int, ...]:
    """How many units of each line the site can give, first line first."""
    left: dict[str, int] = {}
    filled = []
    for line in lines:
        if line.sku not in left:
            left[line.sku] = free_units(state, site, line.sku)
        units = min(line.quantity, left[line.sku])
        left[line.sku] -= units
        filled.append(units)
    return tuple(filled)


def reserve(state: State, order: Order) -> None:
    """Promise the open units of the order from its site."""
    if order.reserved:
        return
    order.reserved = True
    table = state.promised.setdefault(order.site, {})
    for line in order.lines:
        if line.open:
            table[line.sku] = table.get(line.sku, 0) + line.open


def give_back(state: State, order: Order) -> None:
    """End the soft promise; the units may be promised to others."""
    if not order.reserved:
        return
    order.reserved = False
    table = state.promised[order.site]
    for line in order.lines:
        if line.open:
            table[line.sku] -= line.open
            if table[line.sku] == 0:
                del table[line.sku]


def settle(state: State, order: Order, at_ms: int) -> None:
    """End the soft promise because the site has allocated at `at_ms`; estimate levels that do not show it yet."""
    if not order.reserved:
        return
    give_back(state, order)
    table = state.levels.setdefault(order.site, {})
    stale = {line.sku for line in order.lines if line.sku in table and table[line.sku].at_ms < at_ms}
    for line in order.lines:
        if line.open and line.sku in stale:
            level = table[line.sku]
            table[line.sku] = Level(at_ms=at_ms, on_hand=level.on_hand, available=level.available - line.open)
