"""A connection to the nats-server in memory: what the runtime calls of nats-py, over a network of chance."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from random import Random
from types import SimpleNamespace
from typing import Any, NamedTuple, TypeVar, cast

import msgspec
from nats.aio.msg import Msg
from nats.errors import ConnectionClosedError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import api
from nats.js.errors import NotFoundError, ServiceUnavailableError

from tests.simulation.memory_nats import BEGIN, Headers, MemoryNats, encoded
from tests.simulation.seeded_loop import OUTSIDE, Process, SeededLoop, within
from tests.simulation.weather import CALM

T = TypeVar("T")


class Network:
    """The server and everybody's way to it."""

    def __init__(self, loop: SeededLoop, partitions: int, random: Random) -> None:
        self.loop, self.random = loop, random
        self.weather = CALM
        self.up = True
        self.server = MemoryNats(partitions, loop.time, self._deliver)
        self.clients: list[MemoryClient] = []
        self.inboxes = 0
        self._beat()

    def connect(self, process: Process) -> "MemoryClient":
        client = MemoryClient(self, process)
        self.clients.append(client)
        return client

    def happens(self, chance: float) -> bool:
        return chance > 0 and self.random.random() < chance

    def travel(self) -> float:
        """Seconds that something is on its way."""
        slow = 100.0 if self.happens(self.weather.slow) else 1.0
        return self.random.expovariate(1.0) * self.weather.latency * slow

    def restart(self, down: float) -> None:
        """The server is killed and comes back: what it has stored stays, consumers and connections are gone."""
        self.up = False
        self.server.forget_consumers()
        for client in self.clients:
            client.cut(down)
        self.loop.call_later(down, self._come_back, context=OUTSIDE)

    def _come_back(self) -> None:
        self.up = True

    def _deliver(self, inbox: str, subject: str, reply: str, body: bytes, headers: Headers) -> None:
        for client in self.clients:
            if inbox in client.subscriptions and not self.happens(self.weather.lost_delivery):
                client.arrive(partial(client.take, inbox, subject, reply, body, headers))

    def _beat(self) -> None:
        self.server.beat()
        self.clients = [client for client in self.clients if client.process.alive]
        self.loop.call_later(1.0, self._beat, context=OUTSIDE)


class Subscription:
    """As nats-py has it: what arrives is given to `cb` one after the other."""

    def __init__(self, client: "MemoryClient", subject: str, number: int, cb: Callable[[Msg], Awaitable[None]]) -> None:
        self.subject = subject
        self._id = number
        self.queue: asyncio.Queue[Msg] = asyncio.Queue()
        self._client = client
        self._task = asyncio.create_task(self._work(cb))

    async def _work(self, cb: Callable[[Msg], Awaitable[None]]) -> None:
        while True:
            await cb(await self.queue.get())

    async def unsubscribe(self) -> None:
        self._client.subscriptions.pop(self.subject, None)
        self._task.cancel()


class MemoryClient:
    """One process's connection. What is sent while it is cut off waits, and is sent when it is back."""

    def __init__(self, network: Network, process: Process) -> None:
        self.process = process
        self.stats = {"reconnects": 0}
        self.subscriptions: dict[str, Subscription] = {}
        self._network, self._loop = network, network.loop
        self._cut = 0
        """How often it was cut off: what was on its way then is lost."""
        self._connected = True
        self._waiting: list[Callable[[], None]] = []
        self._sent = self._arrived = 0.0
        self._context = within(process)

    @property
    def is_connected(self) -> bool:
        return self._connected and self.process.alive

    @property
    def is_closed(self) -> bool:
        return not self.process.alive

    # --- the wire ------------------------------------------------------------------------------------------------

    def cut(self, seconds: float) -> None:
        """Cut off for so long."""
        self._connected = False
        self._cut += 1
        self._loop.call_later(seconds + self._network.travel(), self._reconnect, self._cut, context=OUTSIDE)

    def _reconnect(self, cut: int) -> None:
        if cut != self._cut or not self.process.alive:
            return
        if not self._network.up:
            self._loop.call_later(0.5, self._reconnect, cut, context=OUTSIDE)
            return
        self._connected = True
        self.stats["reconnects"] += 1
        waiting, self._waiting = self._waiting, []
        for work in waiting:
            self._send(work)

    def _send(self, work: Callable[[], None]) -> None:
        """To the server, in order."""
        if not self._connected:
            self._waiting.append(work)
            return
        self._sent = max(self._sent, self._loop.time() + self._network.travel())
        self._loop.call_at(self._sent, self._unless_cut, self._cut, work, context=OUTSIDE)

    def arrive(self, work: Callable[[], None]) -> None:
        """From the server, in order."""
        if self._connected and self.process.alive:
            self._arrived = max(self._arrived, self._loop.time() + self._network.travel())
            self._loop.call_at(self._arrived, self._unless_cut, self._cut, work, context=self._context)

    def _unless_cut(self, cut: int, work: Callable[[], None]) -> None:
        if cut == self._cut:
            work()

    def take(self, inbox: str, subject: str, reply: str, body: bytes, headers: Headers) -> None:
        subscription = self.subscriptions.get(inbox)
        if subscription is not None:
            msg = Msg(cast("Any", self), subject, reply, body, dict(headers) or None, _sid=subscription._id)
            subscription.queue.put_nowait(msg)

    async def call(self, work: Callable[[], T], patience: float = 5.0) -> T:
        """Ask the server and wait for its answer, which may be lost on either way. NatsTimeoutError."""
        network, answer = self._network, self._loop.create_future()

        def arrived() -> None:
            if network.happens(network.weather.lost_request):
                return
            try:
                result: Any = work()
            except Exception as problem:
                result = problem
            if not network.happens(network.weather.lost_answer):
                self.arrive(lambda: answered(result))

        def answered(result: Any) -> None:
            if answer.done():
                return
            if isinstance(result, Exception):
                answer.set_exception(result)
            else:
                answer.set_result(result)

        self._send(arrived)
        try:
            async with asyncio.timeout(patience):
                return cast("T", await answer)
        except TimeoutError as problem:
            if isinstance(problem, NatsTimeoutError):
                raise
            raise NatsTimeoutError from None

    # --- core NATS -----------------------------------------------------------------------------------------------

    async def publish(
        self, subject: str, payload: bytes = b"", reply: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        if not self.process.alive:
            raise ConnectionClosedError
        if subject.startswith("$JS.API.CONSUMER.MSG.NEXT."):
            name, request = subject.rpartition(".")[2], msgspec.json.decode(payload)
            self._send(lambda: self._network.server.ask(name, reply, request))
        else:
            given = dict(headers or {})
            self._send(lambda: self._stored(subject, payload, given))
        if self._network.happens(0.05):
            await asyncio.sleep(0)  # the buffer is flushed

    def _stored(self, subject: str, payload: bytes, headers: Headers) -> None:
        if not self._network.happens(self._network.weather.lost_publish):
            self._network.server.publish(subject, payload, headers)

    async def request(
        self,
        subject: str,
        payload: bytes = b"",
        timeout: float = 0.5,  # noqa: ASYNC109  # as nats-py has it
        headers: Mapping[str, str] | None = None,
    ) -> Msg:
        given = dict(headers or {})
        network = self._network

        def committed() -> dict[str, Any] | None:
            if "Nats-Batch-Commit" in given and network.happens(network.weather.wrong_refusal):
                given["Nats-Expected-Last-Subject-Sequence"] = "-1"
            return network.server.publish(subject, payload, given)

        answer = await self.call(committed, timeout)
        return Msg(cast("Any", self), data=encoded(answer or {}))

    def new_inbox(self) -> str:
        self._network.inboxes += 1
        return f"_INBOX.{self._network.inboxes}"

    async def subscribe(self, subject: str, cb: Callable[[Msg], Awaitable[None]]) -> Subscription:
        subscription = Subscription(self, subject, self._network.inboxes, cb)
        self.subscriptions[subject] = subscription
        return subscription

    def jetstream(self) -> "MemoryJetStream":
        return MemoryJetStream(self, self._network)


class MemoryJetStream(NamedTuple):
    """The calls to JetStream that the runtime makes."""

    client: MemoryClient
    network: Network

    async def _ask(self, work: Callable[[MemoryNats], T]) -> T:
        def done() -> T:
            if self.network.happens(self.network.weather.unavailable):
                raise ServiceUnavailableError
            return work(self.network.server)

        return await self.client.call(done)

    async def stream_info(self, name: str) -> Any:
        assert name
        last = await self._ask(lambda server: server.last)
        return SimpleNamespace(state=SimpleNamespace(last_seq=last), created=BEGIN)

    async def publish(self, subject: str, payload: bytes, stream: str, headers: Mapping[str, str] | None) -> api.PubAck:
        answer = await self._ask(lambda server: server.publish(subject, payload, dict(headers or {})))
        assert answer is not None
        return api.PubAck(stream, answer["seq"], duplicate=answer.get("duplicate"))

    async def get_msg(
        self,
        stream: str,
        seq: int | None = None,
        subject: str | None = None,
        next: bool | None = None,  # as nats-py has it
    ) -> api.RawStreamMsg:
        found = await self._ask(lambda server: server.message(seq, subject, bool(next)))
        if found is None:
            raise NotFoundError
        sequence, stored = found
        lines = "".join(f"{name}: {value}\r\n" for name, value in stored.headers.items())
        raw = base64.b64encode(f"NATS/1.0\r\n{lines}\r\n".encode()) if lines else None
        at = BEGIN + timedelta(seconds=stored.at)
        return api.RawStreamMsg(stored.subject, sequence, stored.body, raw, None, stream, at)

    async def add_consumer(self, stream: str, config: api.ConsumerConfig) -> api.ConsumerInfo:
        filters, start = config.filter_subjects or [], config.opt_start_seq or 1
        name, pending = await self._ask(lambda server: server.consume(filters, start))
        return api.ConsumerInfo(name, stream, config, BEGIN, num_pending=pending)

    async def delete_consumer(self, stream: str, name: str) -> bool:
        assert stream
        if not await self._ask(lambda server: server.delete(name)):
            raise NotFoundError
        return True
