"""A client by Autobahn for Python: 8 (drafts 10 to 12) and 13."""

import asyncio
from urllib.parse import urlsplit

from autobahn.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol
from steps import DRAFT, ORIGIN, PROTOCOLS, STEPS, URL, fail, parts, say, say_message

SPEC = {"hybi-08": 10, "13": 18}[DRAFT]


class Client(WebSocketClientProtocol):
    def onOpen(self):
        self.steps, self.opened = list(STEPS), True
        say(open=self.websocket_protocol_in_use)
        self.next()

    def next(self):
        kind, data = parts(self.steps.pop(0)) if self.steps else ("close", "1000")
        if kind == "close":
            self.sendClose(int(data))
        elif kind == "ping":
            self.sendPing(data.encode())
        elif kind == "hear":
            return
        elif kind == "pause":
            asyncio.get_running_loop().call_later(int(data) / 1000, self.next)
        else:
            self.sendMessage(data.encode() if isinstance(data, str) else data, isBinary=kind == "binary")

    def onMessage(self, payload, isBinary):
        say_message(payload if isBinary else payload.decode())
        self.next()

    def onPong(self, payload):
        say(pong=payload.decode())
        self.next()

    def onClose(self, wasClean, code, reason):
        if getattr(self, "opened", False):
            say(close=self.remoteCloseCode, reason=self.remoteCloseReason or "", clean=wasClean)
        else:
            say(error=reason)
        over.set_result(None)


async def main():
    global over
    over = asyncio.get_running_loop().create_future()
    factory = WebSocketClientFactory(URL, origin=ORIGIN, protocols=PROTOCOLS)
    factory.protocol = Client
    factory.setProtocolOptions(version=SPEC)
    at = urlsplit(URL)
    await asyncio.get_running_loop().create_connection(factory, at.hostname, at.port)
    await over


try:
    asyncio.run(main())
except OSError as error:
    fail(error)
