"""The effect workers of a service while it runs: one channel for each that answers, one for each feed of the others."""

from collections.abc import Iterable, Sequence
from functools import partial

import anyio
from anyio.abc import TaskGroup

from contracts import wire
from contracts.wire import Received
from shared import telemetry
from shared.channel import Channel
from shared.effects import Effect, Feed, Outside
from shared.hearing import subjects
from shared.log import Log
from shared.performing import Performer, is_own

DRAIN = 10.0
"""Seconds for calls in hand when the service stops; what takes longer is in doubt, and looked up at the next start."""

_AT_ONCE = 1000
_note = telemetry.logger("effects")


class Workers:
    """Everything that the service does outside."""

    def __init__(self, effects: Sequence[Effect], log: Log, outside: Outside, *, scenario: bool) -> None:
        self._log = log
        self._working = [_Worker(effect, log, Performer(effect, log, outside, scenario=scenario)) for effect in effects]
        self._stopped = anyio.Event()

    async def run(self) -> None:
        """Work until told to stop."""
        async with anyio.create_task_group() as tasks:
            for worker in self._working:
                tasks.start_soon(worker.run)
        self._stopped.set()

    async def drain(self) -> None:
        """Begin nothing more and finish what is in hand, as far as there is time."""
        for worker in self._working:
            worker.stop()
        if self._log.connected:
            with anyio.move_on_after(DRAIN):
                await self._stopped.wait()

    def paused(self) -> list[str]:
        """In words, which destinations are left alone because they keep failing."""
        return [f"{worker.entity} leaves {name} alone" for worker in self._working for name in worker.paused()]


class _Worker:
    """One effect worker with its channels."""

    def __init__(self, effect: Effect, log: Log, performer: Performer) -> None:
        self.entity = effect.entity
        self._effect, self._log, self._performer = effect, log, performer
        self._feeds: dict[str, Feed] = {}
        self._channels: dict[str, Channel] = {}
        self._following = anyio.CancelScope()

    def paused(self) -> Iterable[str]:
        return self._performer.paused()

    def stop(self) -> None:
        self._following.cancel()
        for channel in self._channels.values():
            channel.stop()

    async def run(self) -> None:
        async with anyio.create_task_group() as tasks:
            if self._effect.follows:
                await self._follow(tasks)
            else:
                self._open(tasks, "", None)

    async def _follow(self, tasks: TaskGroup) -> None:
        """Fold all feeds up to now, open those that there are, then do as their actors say."""
        filters = subjects((str(item.__struct_config__.tag) for item in self._effect.follows), ["*"])
        with self._following:
            last = await self._log.patiently(self._log.last)
            async for batch in self._log.read(filters, 0, last):
                for received in batch:
                    self._fold(received)
            for key in self._feeds:
                self._turn(tasks, key)
            pull = self._log.pull(filters, last)
            try:
                while True:
                    for received in await pull.batch(_AT_ONCE):
                        self._turn(tasks, self._fold(received))
            finally:
                with anyio.CancelScope(shield=True):
                    await pull.close()

    def _fold(self, received: Received) -> str | None:
        """The key of the feed that a fact has changed."""
        try:
            fact = wire.hear(received, self._effect.types)
        except wire.Refused:
            return None
        if not is_own(received, fact, self._effect.service):
            return None
        feed: Feed | None = self._effect.module.feed(self._feeds.get(fact.key), fact)
        if feed is None:
            self._feeds.pop(fact.key, None)
        else:
            self._feeds[fact.key] = feed
        return fact.key

    def _turn(self, tasks: TaskGroup, key: str | None) -> None:
        """Close the channel of a feed that is not wanted now or has begun anew, and open the one that is."""
        if key is None:
            return
        feed, channel = self._feeds.get(key), self._channels.get(key)
        wanted = feed is not None and feed.active
        if channel is not None and (not wanted or channel.name != self._name(feed)):
            channel.stop()
            del self._channels[key]
        if wanted and key not in self._channels:
            self._open(tasks, key, feed)

    def _name(self, feed: Feed | None) -> str:
        name = f"effect-{self._effect.service}-{self._effect.entity}"
        return name if feed is None else f"{name}-{feed.key}-{feed.run}"

    def _open(self, tasks: TaskGroup, key: str, feed: Feed | None) -> None:
        requested = [str(item.__struct_config__.tag) for item in self._effect.requested]
        channel = Channel(
            self._log.nc,
            self._name(feed),
            subjects(requested, ["*"]) if feed is None else feed.filters,
            partial(self._begin, feed),
            partial(self._handle, key, feed),
            at_once=self._effect.at_once,
            forgettable=feed is not None,
        )
        self._channels[key] = channel
        _note.info("an effect worker listens", consumer=channel.name)
        tasks.start_soon(channel.run)

    async def _begin(self, feed: Feed | None) -> int:
        return 0 if feed is None else await self._performer.progress(feed)

    async def _handle(self, key: str, opened: Feed | None, received: Received) -> float:
        """With the feed as its actor wants it now; of a run that has ended what is still brought is not wanted."""
        feed = self._feeds.get(key)
        if opened is not None and (feed is None or not feed.active or feed.run != opened.run):
            return 1.0
        return await self._performer.perform(received, feed)


__all__ = ["DRAIN", "Workers"]
