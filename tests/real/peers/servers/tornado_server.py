"""An echo by Tornado: 7, 8 and 13."""

import asyncio
import sys

from tornado.web import Application
from tornado.websocket import WebSocketHandler


class Echo(WebSocketHandler):
    def check_origin(self, origin):
        return True

    def on_message(self, message):
        if isinstance(message, str) and message.startswith("close:"):
            self.close(int(message[6:]), "asked")
        else:
            self.write_message(message, binary=isinstance(message, bytes))


async def main():
    Application([("/.*", Echo)]).listen(int(sys.argv[1]), "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
