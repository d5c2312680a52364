"""What the header words of a PLC say beyond the state: why a machine does not run. Optional tags may be missing.

An emergency stop is status only: nothing here, or anywhere in the edge, can reset one (plc-and-standards 1.1).
"""

from edge.messages import PackMl
from edge.plc.image import ProcessImage

ESTOP_CHAIN_OK = 1 << 5
GUARD_OK = 1 << 6
ALL_LANES_FULL = 1 << 7
INFEED_HELD = 1 << 9
FALLBACK = 1 << 10
MODES = {2: "MAINTENANCE", 3: "MANUAL"}

ESTOP = "ESTOP"
"""A cause that begins with this asks for a person at the machine."""
HOST_OFFLINE = "HOST_OFFLINE"
"""The PLC held because it heard nothing of us, and waits for a command of ours to go on."""


def number(image: ProcessImage, name: str, otherwise: int = 0) -> int:
    """The value of a tag not every machine has; `otherwise` where it is missing or not believed."""
    return image.number(name) if name in image and image.is_good(name) else otherwise


def bits(image: ProcessImage) -> int:
    """StatusBits; where there are none the safety chain counts as closed: its state is the PLC's to enforce."""
    return number(image, "StatusBits", ESTOP_CHAIN_OK | GUARD_OK)


def safety_cause(image: ProcessImage) -> str:
    """ESTOP or GUARD, with the zones that tripped; "" while people and machine are safe."""
    zones = number(image, "EStopZones")
    if zones:
        return f"{ESTOP} zones " + " ".join(str(zone) for zone in range(16) if zones >> zone & 1)
    if number(image, "EStop") or not bits(image) & ESTOP_CHAIN_OK:
        return ESTOP
    return "" if bits(image) & GUARD_OK else "GUARD"


def fault_cause(image: ProcessImage, state: PackMl) -> str:
    """Why the PLC says that it does not run: our absence, its own fault code, or that somebody works on the machine."""
    if state is PackMl.HELD and bits(image) & FALLBACK:
        return HOST_OFFLINE
    fault = number(image, "FaultCode")
    return f"FAULT_{fault}" if fault else MODES.get(number(image, "UnitMode"), "")
