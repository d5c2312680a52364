"""The demo's last resort: amqtt (MQTT 3.1.1, forgets everything) as its own process: `embedded_broker.py <port>`.

The one file that imports amqtt. It runs as a file, so that nothing else of the runtime is loaded beside it.
"""

import asyncio
import logging
import sys

from amqtt.broker import Broker

ANONYMOUS = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}


async def serve(port: int) -> None:
    """Serves until the process ends."""
    broker = Broker(
        {"listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}}, "plugins": ANONYMOUS},
    )
    await broker.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(serve(int(sys.argv[1])))
