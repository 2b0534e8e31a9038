"""A sink for webhooks, in a process of its own that loads nothing else: it answers all, and tells when each id arrived.

``python -m bench.sink`` prints its port; ``GET`` has what arrived since the last.
"""

from __future__ import annotations

import asyncio
import json
import time


async def _serve() -> None:
    arrived: list[tuple[str, float]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
                await reader.readexactly(int(fields.get("content-length", 0)))
                content = b""
                if head.startswith("GET"):
                    content = json.dumps(arrived).encode()
                    arrived.clear()
                else:
                    event_id = next(
                        line.split(": ", 1)[1] for line in head.split("\r\n") if line.startswith("webhook-id")
                    )
                    arrived.append((event_id, time.time()))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
