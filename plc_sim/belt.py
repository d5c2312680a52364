"""A belt with an encoder: what is due at a position happens there, however often the belt stops in between."""

from heapq import heappop, heappush

from plc_sim.agenda import Action, Agenda, Ticket


class Belt:
    """Position in micrometres (mm/s times ms), an integral over the time it ran. Exact integers, no ticks."""

    def __init__(self, agenda: Agenda, speed_mm_s: int) -> None:
        self.speed_mm_s = max(1, speed_mm_s)
        self.running = False
        self._agenda = agenda
        self._still_um = 0
        self._since_ms = agenda.now_ms
        self._heap: list[tuple[int, int, Action]] = []
        self._entries = 0
        self._wake: Ticket | None = None
        self._wake_um = 0
        self._busy = False

    @property
    def position_um(self) -> int:
        """Where the encoder stands now."""
        if not self.running:
            return self._still_um
        return self._still_um + self.speed_mm_s * (self._agenda.now_ms - self._since_ms)

    def run(self, *, on: bool) -> None:
        """Start or stop; everything entered shifts with it."""
        if on == self.running:
            return
        self._still_um = self.position_um
        self._since_ms = self._agenda.now_ms
        self.running = on
        self._arm()

    def set_speed(self, speed_mm_s: int) -> None:
        """Run at another speed from here on."""
        self._still_um = self.position_um
        self._since_ms = self._agenda.now_ms
        self.speed_mm_s = max(1, speed_mm_s)
        if not self._busy:
            self._arm()

    def at(self, position_um: int, action: Action) -> None:
        """Do this when the belt gets there; a position already passed is due at once."""
        self._entries += 1
        heappush(self._heap, (position_um, self._entries, action))
        if not self._busy and (self._wake is None or position_um < self._wake_um):
            self._arm()

    def duration_ms(self, um: int) -> int:
        """How long the running belt takes for this distance, rounded up."""
        return -(-um // self.speed_mm_s)

    def _arm(self) -> None:
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        if self.running and self._heap:
            self._wake_um = self._heap[0][0]
            wait_ms = self.duration_ms(max(0, self._wake_um - self._still_um))
            self._wake = self._agenda.at(self._since_ms + wait_ms, self._due)

    def _due(self) -> None:
        self._wake = None
        self._busy = True
        while self.running and self._heap and self._heap[0][0] <= self.position_um:
            heappop(self._heap)[2]()
        self._busy = False
        self._arm()
