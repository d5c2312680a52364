"""A vehicle's outgoing messages: headers, the state on every event and at least every 30 s, and what can garble it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from edge.settings import VehicleSettings
from plc_sim.agenda import Agenda, Ticket
from plc_sim.vehicle_words import STATE_S, Dialect, Sheet, View

BEAT_MS = STATE_S * 1000 * 5 // 6
"""Wall time from one state to the next when nothing happens."""
SHOW_MS = 1000
"""Wall time between two visualizations of a vehicle that drives."""

Tell = Callable[[str, bytes], None]
"""Takes a topic (its last word) and a message."""


class Voice:
    """`tell` is None while nobody can hear. `mute`, `late_ms`, `twice` and `stale` are faults of the link."""

    def __init__(
        self,
        settings: VehicleSettings,
        dialect: Dialect,
        agenda: Agenda,
        speed: int,
        sheet: Sheet,
        view: Callable[[], View],
    ) -> None:
        self.tell: Tell | None = None
        self.mute = False
        self.late_ms = 0
        """Every state goes out so much later."""
        self.twice = 0
        """So many states go out twice."""
        self.stale = 0
        """So many times the state before comes once more after the newest."""
        self._settings = settings
        self._dialect = dialect
        self._agenda = agenda
        self._speed = speed
        self._sheet = sheet
        self._view = view
        self._ids: dict[str, int] = {}
        self._last = b""
        self._due = self._showing = False
        self._beat: Ticket | None = None

    def connection(self, state: str) -> bytes:
        """ONLINE, OFFLINE, or what the last will says."""
        return self._message("connection", {"connectionState": state})

    def factsheet(self) -> None:
        """Tell what the vehicle is."""
        self._say("factsheet", self._message("factsheet", self._dialect.factsheet(self._sheet)))

    def changed(self) -> None:
        """A state is told when all that happens at this instant has happened."""
        if not self._due:
            self._due = True
            self._agenda.at(self._agenda.now_ms, self._state)

    def restarted(self) -> None:
        """The vehicle does not know any more what it said before."""
        self._ids.clear()
        self._last = b""

    def _state(self) -> None:
        self._due = False
        if self._beat is not None:
            self._beat.cancel()
        self._beat = self._agenda.at(self._agenda.now_ms + BEAT_MS * self._speed, self.changed)
        view = self._view()
        if view.driving and not self._showing:
            self._showing = True
            self._agenda.at(self._agenda.now_ms + SHOW_MS * self._speed, self._show)
        if self.tell is None:
            return
        before, self._last = self._last, self._message("state", self._dialect.state(view))
        said = [self._last]
        if self.twice:
            self.twice -= 1
            said.append(self._last)
        if self.stale and before:
            self.stale -= 1
            said.append(before)
        for message in said:
            if self.late_ms:
                at_ms = self._agenda.now_ms + self.late_ms * self._speed
                self._agenda.at(at_ms, partial(self._say, "state", message))
            else:
                self._say("state", message)

    def _show(self) -> None:
        view = self._view()
        self._showing = view.driving
        if view.driving:
            shown = self._dialect.visualization(view, self._ids.get("state", 0))
            if self.tell is not None:
                self._say("visualization", self._message("visualization", shown))
            self._agenda.at(self._agenda.now_ms + SHOW_MS * self._speed, self._show)

    def _say(self, topic: str, message: bytes) -> None:
        if self.tell is not None and not self.mute:
            self.tell(topic, message)

    def _message(self, topic: str, body: dict[str, Any]) -> bytes:
        self._ids[topic] = self._ids.get(topic, 0) + 1
        stamp = datetime.fromtimestamp(self._agenda.now_ms / 1000, UTC).isoformat(timespec="milliseconds")
        header = {
            "headerId": self._ids[topic],
            "timestamp": stamp.replace("+00:00", "Z"),
            "version": self._dialect.version,
            "manufacturer": self._settings.manufacturer,
            "serialNumber": self._settings.serial,
        }
        return json.dumps({**header, **body}, separators=(",", ":")).encode()
