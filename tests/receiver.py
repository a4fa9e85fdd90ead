"""An HTTP server that a test has answer as it likes, and that keeps what it was sent."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple


class Request(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Reply(NamedTuple):
    """`before`: what the server waits for before it answers; it has the request by then."""

    status: int = 204
    headers: tuple[tuple[str, str], ...] = ()
    before: Callable[[], Awaitable[object]] | None = None


@dataclass
class Receiver:
    """`answer` decides what is said to each request; everything is taken unless a test says otherwise."""

    port: int = 0
    answer: Callable[[Request], Reply] = lambda _request: Reply()
    requests: list[Request] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    def posts(self) -> list[Request]:
        return [request for request in self.requests if request.method == "POST"]

    async def until(self, count: int) -> list[Request]:
        """All requests so far, once there are so many."""
        while len(self.requests) < count:
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), 60)
        return self.requests

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await self._answer(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        request = Request(method, path, headers, body)
        reply = self.answer(request)
        self.requests.append(request)
        self._news.set()
        if reply.before is not None:
            await reply.before()
        lines = [f"HTTP/1.1 {reply.status} -", "content-length: 0", "connection: close"]
        lines += [f"{name}: {text}" for name, text in reply.headers]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        await writer.drain()


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver on a port of its own until the block ends."""
    one = Receiver()
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(one.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
