"""An OPC UA server for the tag benchmark, in a process of its own: so many nodes, all of which change once a second.

    python -m tests.bench.nodes COUNT

Says the port it listens on. What it costs to make the changes is its own affair: the client is what is measured.
"""

import asyncio
import logging
import socket
import sys
import time
from typing import Never

import uvloop
from asyncua import Server, ua

URI = "urn:wer:bench"
PERIOD_S = 1.0
PART = 200
"""Nodes written before the subscriptions get their turn."""


async def serve(count: int) -> Never:
    """Until terminated."""
    server = Server()
    server.iserver.max_monitored_item_queue_size = 2
    await server.init()
    server.disable_clock()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace(URI)
    cell = await server.nodes.objects.add_object(ua.NodeId("Cell", index), ua.QualifiedName("Cell", index))
    nodes = []
    for number in range(count):
        name = f"T{number}"
        value = ua.Variant(0, ua.VariantType.UInt16)
        nodes.append(await cell.add_variable(ua.NodeId(f"Cell.{name}", index), ua.QualifiedName(name, index), value))
    await server.start()
    print(port, flush=True)
    turn = 0
    while True:
        began_s = time.perf_counter()
        turn = turn % 65_535 + 1
        for at, node in enumerate(nodes):
            await server.write_attribute_value(node.nodeid, ua.DataValue(ua.Variant(turn, ua.VariantType.UInt16)))
            if at % PART == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(max(0.0, began_s + PERIOD_S - time.perf_counter()))


if __name__ == "__main__":
    logging.disable()
    uvloop.run(serve(int(sys.argv[1])))
