"""VDA 5050: the words of vehicles on the wire, version 2.1 and 3.0, behind one neutral interface.

Knows JSON and the standard's rules for one message, neither MQTT nor what a fleet is for. `schemas/` holds the
standard's own JSON schemas (MIT, see LICENSE.txt there); tests hold every message to them.
"""

from collections.abc import Mapping

from edge.vda5050.neutral import Address, Codec, Factsheet, Fault, Instant, Rubbish, VehicleState
from edge.vda5050.v2 import Version2
from edge.vda5050.v3 import Version3

CODECS: Mapping[str, Codec] = {"2.1": Version2(), "3.0": Version3()}
"""The version of a vehicle in site.yaml -> how it speaks."""

__all__ = ["CODECS", "Address", "Codec", "Factsheet", "Fault", "Instant", "Rubbish", "VehicleState"]
