"""How the tags of a PLC travel: one process image per device, and one file per protocol that keeps it alive.

Knows tags, addresses and connections; never what a machine means. A dead or lying device is a link lost with a reason,
never an exception beyond this room. `PROTOCOLS` is the table that grows; each entry loads its library only when used.
"""

import asyncio
import importlib
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, Never, Protocol

from edge.plc.image import ProcessImage
from edge.settings import DeviceSettings, Tag


class Keep(Protocol):
    """Keeps an image alive, for ever; `remembered` is a file in which a link may note where it can go on."""

    def __call__(
        self, device: DeviceSettings, tags: Sequence[Tag], image: ProcessImage, remembered: Path | None = None
    ) -> Coroutine[Any, Any, Never]: ...


def _loaded(name: str, *, remembers: bool = False) -> Keep:
    async def keep(
        device: DeviceSettings, tags: Sequence[Tag], image: ProcessImage, remembered: Path | None = None
    ) -> Never:
        # asyncua takes most of a second to load: in a thread, so that the loop goes on deciding meanwhile
        module = await asyncio.to_thread(importlib.import_module, name)
        await (module.keep(device, tags, image, remembered) if remembers else module.keep(device, tags, image))
        raise AssertionError("a link never ends")

    return keep


PROTOCOLS: dict[str, Keep] = {
    "modbus": _loaded("edge.plc.modbus"),
    "opcua": _loaded("edge.plc.opcua", remembers=True),
}
"""Driver of a device -> the coroutine that keeps its image alive, for ever."""
