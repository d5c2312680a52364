"""OPC UA servers for the machines that have one; this folder is the only place of the simulator that knows asyncua.

`server` is its life and what clients write, `space` the tree of nodes (plc-and-standards 9.4), `methods` the MethodSet,
`certificates` who may come in and what they may do.
"""

from plc_sim.opcua.server import OpcUaServer

__all__ = ["OpcUaServer"]
