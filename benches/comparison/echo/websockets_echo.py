"""An echo on Python's websockets and uvloop: PORT [deflate]."""

import asyncio
import sys

import uvloop
from websockets.asyncio.server import serve


async def echo(peer):
    async for message in peer:
        await peer.send(message)


async def main():
    compression = "deflate" if sys.argv[2:] == ["deflate"] else None
    async with serve(echo, "127.0.0.1", int(sys.argv[1]), compression=compression, backlog=4096):
        await asyncio.get_running_loop().create_future()


uvloop.run(main())
