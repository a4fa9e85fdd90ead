"""The replicas of a service tell each other that they live and what they hold, and so agree on who holds what."""

import time
import uuid
from collections.abc import Mapping

import anyio
import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from shared import telemetry
from shared.membership import BEATS, Hello, View
from shared.owner import Owner

EVERY = 0.5
"""Seconds between two hellos."""

_WHO = b"who is there?"
_HELLO = msgspec.json.Decoder(Hello)
_note = telemetry.logger("replicas")


class Replicas:
    """One replica among the others of its service. `join`, then `run` beside the owner's loop, then `leave`."""

    def __init__(self, nc: Client, service: str, partitions: int, ordinal: int) -> None:
        self._nc = nc
        self._subject = f"q2c.live.{service}"
        self._me = Hello(replica=uuid.uuid4().hex, ordinal=ordinal, since=time.time_ns())
        self._view = View(self._me.replica, partitions)
        self._owner: Owner | None = None
        self._subscription: Subscription | None = None

    async def join(self) -> frozenset[int]:
        """What to hold first. Known at once where there is no other replica, else once all have been heard."""
        alone = await self._is_alone()
        self._subscription = await self._nc.subscribe(self._subject, cb=self._hear)
        if not alone:
            await anyio.sleep(2 * EVERY)
        return self._view.wanted(self._me)

    async def _is_alone(self) -> bool:
        """Whether nobody else is there; who is there and does not answer for the time of a lease counts as gone."""
        try:
            await self._nc.request(self._subject, _WHO, timeout=BEATS * EVERY)
        except NoRespondersError:
            return True
        except TimeoutError:
            return False
        return False

    async def run(self, owner: Owner) -> None:
        """Say what is held, and have the owner hold what it is to hold, for ever."""
        self._owner = owner
        held: Mapping[int, int] = {}
        while True:
            with anyio.move_on_after(EVERY) as beat:
                held = await owner.moves(held)
            await self._say(held, beats=beat.cancelled_caught)
            self._agree()

    async def leave(self) -> None:
        """The others need not wait until they miss this one."""
        if self._subscription is not None and self._nc.is_connected:
            await self._subscription.unsubscribe()
            await self._say({}, leaves=True)

    async def _hear(self, msg: Msg) -> None:
        if msg.data == _WHO:
            if msg.reply:
                await msg.respond(b"")
            return
        try:
            hello = _HELLO.decode(msg.data)
        except msgspec.MsgspecError as problem:
            _note.warning("what a replica says is not understood", problem=str(problem))
            return
        if self._view.hear(hello):
            _note.info("another replica is there", replica=hello.replica, ordinal=hello.ordinal)
            if self._owner is not None:
                await self._say(self._owner.claimed)
        self._agree()

    def _agree(self) -> None:
        if self._owner is not None:
            self._me = msgspec.structs.replace(self._me, holds=self._owner.claimed)
            self._owner.hold(self._view.wanted(self._me))

    async def _say(self, holds: Mapping[int, int], *, beats: bool = False, leaves: bool = False) -> None:
        self._me = msgspec.structs.replace(self._me, holds=holds, beat=self._me.beat + beats, leaves=leaves)
        if self._nc.is_connected:
            try:
                await self._nc.publish(self._subject, msgspec.json.encode(self._me))
            except NatsError as problem:
                _note.debug("the others cannot be told", problem=str(problem))


__all__ = ["EVERY", "Replicas"]
