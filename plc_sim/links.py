"""The link of one or several machines, as faults throw its switches: what one of them holds the others feel too.

A server (Modbus or OPC UA) has what it can of: `stop`, `start`, `freeze(on)`, `hang(on)`, `delay_replies(ms)`,
`drop_nodes(names)`, `lose_replies(count)`, `reset`.
"""

import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

Chore = Callable[[], Awaitable[Any]]
"""Something about a link that takes a moment."""


class Link:
    """Held switches go back when the last who holds them lets go."""

    def __init__(self, server: object, do: Callable[[Chore], None]) -> None:
        self._server = server
        self._do = do
        self._down: set[str] = set()
        self._still: dict[str, set[str]] = {"freeze": set(), "hang": set()}
        self._delays: dict[str, int] = {}
        self._dropped: dict[str, list[str]] = {}

    def has(self, switch: str) -> bool:
        """Whether the server has such a switch."""
        return callable(getattr(self._server, switch, None))

    def throw(self, who: str, switch: str, *given: Any) -> None:
        """Throw a switch for the sake of one machine."""
        if switch == "stop":
            if not self._down:
                self._call("stop")
            self._down.add(who)
        elif switch == "start":
            self._down.discard(who)
            if not self._down:
                self._call("start")
        elif switch in self._still:
            holders = self._still[switch]
            (holders.add if given[0] else holders.discard)(who)
            self._call(switch, bool(holders))
        elif switch == "delay_replies":
            self._delays[who] = given[0]
            self._call("delay_replies", max(self._delays.values()))
        elif switch == "drop_nodes":
            self._dropped[who] = [f"{who}/{name}" for name in given[0]]
            self._call("drop_nodes", [name for names in self._dropped.values() for name in names])
        else:
            self._call(switch, *given)

    def _call(self, switch: str, *given: Any) -> None:
        method = getattr(self._server, switch)
        if inspect.iscoroutinefunction(method):
            self._do(partial(method, *given))
        else:
            method(*given)
