"""The least that a Python process can do between a caller and an engine: `python -m bench.relay PORT TO`.

It hands bytes on and knows nothing of them. What it costs on a token is what waking up for one costs on this machine at
this moment; what Tollbar costs beyond it is Tollbar's own work.
"""

import asyncio
import sys

from bench.stub import loop_factory

MOST_BYTES = 65_536


async def serve(port: int, to: int) -> None:
    """Relays every connection at a port to another, for ever."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", to)
        asking = asyncio.create_task(_pass(reader, back))
        await _pass(there, writer)
        asking.cancel()
        writer.close()
        back.close()

    server = await asyncio.start_server(relay, "127.0.0.1", port)
    await server.serve_forever()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(MOST_BYTES):
        writer.write(data)
        await writer.drain()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(int(sys.argv[1]), int(sys.argv[2])))
