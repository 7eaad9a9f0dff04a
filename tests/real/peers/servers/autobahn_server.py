"""An echo by Autobahn for Python: 8 and 13."""

import asyncio
import sys

from autobahn.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol


class Echo(WebSocketServerProtocol):
    def onMessage(self, payload, isBinary):
        if not isBinary and payload.startswith(b"close:"):
            self.sendClose(int(payload[6:]), "asked")
        else:
            self.sendMessage(payload, isBinary)


async def main():
    factory = WebSocketServerFactory(f"ws://127.0.0.1:{sys.argv[1]}")
    factory.protocol = Echo
    await asyncio.get_running_loop().create_server(factory, "127.0.0.1", int(sys.argv[1]))
    await asyncio.Event().wait()


asyncio.run(main())
