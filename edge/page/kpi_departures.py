"""Departures in the report: cutoff, when the doors closed, planned, loaded, missed."""

from collections.abc import Callable, Mapping
from typing import Any

from edge.messages import Departure, DepartureAudited, DepartureClosed, DepartureScheduled, Message
from edge.page.kpi_numbers import iso, share


class Departures:
    """Folds the messages about departures; seeing one again, or in another order, changes nothing."""

    def __init__(self) -> None:
        self._scheduled: dict[str, tuple[int, Departure]] = {}
        self._closed: dict[str, DepartureClosed] = {}
        self._audited: dict[str, DepartureAudited] = {}
        self.table: dict[type[Message], Callable[[Any], None]] = {
            DepartureScheduled: self._see_scheduled,
            DepartureClosed: self._see_closed,
            DepartureAudited: self._see_audited,
        }

    @property
    def departed(self) -> frozenset[str]:
        """Ids of the departures whose doors are shut."""
        return frozenset(self._closed)

    def _see_scheduled(self, message: DepartureScheduled) -> None:
        key = message.departure.departure_id
        if key not in self._scheduled or self._scheduled[key][0] <= message.at_ms:
            self._scheduled[key] = (message.at_ms, message.departure)

    def _see_closed(self, message: DepartureClosed) -> None:
        known = self._closed.get(message.departure_id)
        if known is None or message.at_ms < known.at_ms:
            self._closed[message.departure_id] = message

    def _see_audited(self, message: DepartureAudited) -> None:
        known = self._audited.get(message.departure_id)
        if known is None or message.at_ms < known.at_ms:
            self._audited[message.departure_id] = message

    def part(self, planned: Mapping[str, int]) -> dict[str, Any]:
        """departures and missed_cutoff_rate of the report. `planned`: orders now planned for a departure."""
        departures = [departure for _, departure in self._scheduled.values()]
        departures.sort(key=lambda departure: (departure.cutoff_ms, departure.departure_id))
        audits = self._audited.values()
        return {
            "departures": [self._row(departure, planned.get(departure.departure_id, 0)) for departure in departures],
            "missed_cutoff_rate": share(
                sum(audit.missed for audit in audits), sum(audit.orders_planned for audit in audits)
            ),
        }

    def _row(self, departure: Departure, planned: int) -> dict[str, Any]:
        closed, audit = self._closed.get(departure.departure_id), self._audited.get(departure.departure_id)
        loaded, missed = 0, 0
        if audit is not None:
            planned, loaded, missed = audit.orders_planned, audit.orders_loaded, audit.missed
        elif closed is not None:
            planned = len({*closed.orders, *closed.left_behind})
            loaded = len({*closed.orders} - {*closed.left_behind})
            missed = planned - loaded
        return {
            "id": departure.departure_id,
            "site": departure.site,
            "route": departure.route,
            "carrier": departure.carrier,
            "cutoff": iso(departure.cutoff_ms),
            "closed_at": iso(closed.at_ms) if closed is not None else None,
            "orders_planned": planned,
            "orders_loaded": loaded,
            "missed": missed,
            "audited": audit is not None,
        }
