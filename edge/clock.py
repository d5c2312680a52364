"""The site's clock: UTC milliseconds, faster than real time only where a simulated plant works faster too."""

import time

from edge.settings import ClockSettings


class SiteClock:
    """site_ms = start_site_ms + (now - start_wall_ms) * speed; a real site has speed 1 and starts equal."""

    def __init__(self, settings: ClockSettings) -> None:
        self._settings = settings

    @property
    def speed(self) -> int:
        return self._settings.speed

    def now_ms(self) -> int:
        """The site's time now."""
        s = self._settings
        return s.start_site_ms + (time.time_ns() // 1_000_000 - s.start_wall_ms) * s.speed

    def wall_s(self, site_ms: int) -> float:
        """Real seconds from now until the site's clock shows `site_ms`; negative when that is past."""
        return (site_ms - self.now_ms()) / self._settings.speed / 1000
