"""One actor hears one message; after a bug it is parked, and what concerns it waits until it is told to hear again."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from contracts import wire
from contracts.message import Broadcast, Context, Event, Message, Wake, name_of
from contracts.runtime import NO_ACTOR, DiscardMessage, EditMessage, Rehearsal, Rehearsed
from contracts.wire import Refused
from shared import deciding, parking, telemetry
from shared.decider import Wired, Wiring
from shared.deciding import Undecidable
from shared.hearing import Addressee, Word
from shared.lanes import Lane
from shared.limits import Limits
from shared.log import Log, Saying
from shared.parking import Waits
from shared.states import States
from shared.store import ActorRef
from shared.storm import Storm, Storming

_ROOM = 500_000
"""Bytes of an answer that rehearses: far from what nats-server takes."""


class Full(Exception):
    """No further message may wait for `ref`, the text says why: the partition has to stand still before this one."""

    def __init__(self, ref: ActorRef, reason: str) -> None:
        super().__init__(reason)
        self.ref = ref


class Delivering:
    """What an owner does with a message once it knows for whom it is, and with a word about a parked actor."""

    def __init__(self, wiring: Wiring, log: Log, states: States, limits: Limits) -> None:
        self._wiring, self._log, self._states, self._limits = wiring, log, states, limits
        self.storm = Storm(limits)
        self._note = telemetry.logger(f"owner.{wiring.service}")

    async def deliver(self, lane: Lane, to: Addressee, message: Message) -> None:
        """One actor hears one message; if it is parked, or deciding fails, the message waits.

        Storming or Full when it may not wait: then it has not been heard at all.
        """
        if lane.partition not in self._states.lanes:
            return  # lost meanwhile: whoever has it hears the message there
        ref, problem = to.ref, to.problem
        if ref not in self._states.parking and problem is None:
            try:
                await self._decide(lane, to, message)
            except Undecidable as failed:
                problem = failed
            else:
                if self.storm.passed():
                    await self._say_resumed(lane, ref.key, message)
                return
        if ref not in self._states.parking and self.storm.breaks():
            raise Storming(lane.partition, str(problem), msgspec.structs.replace(_cause(message), key=ref.key))
        await self._wait(lane, ref, message, problem)

    async def _wait(self, lane: Lane, ref: ActorRef, message: Message, problem: Undecidable | None) -> None:
        waiting = self._states.parking
        if (full := waiting.full(ref, lane.partition, self._log.partitions, self._limits)) is not None:
            raise Full(ref, full)
        cause, wake = _cause(message), message.at if isinstance(message, Wake) else None
        sequence, name = cause.sequence, "wake" if wake else name_of(type(message))
        if ref in waiting:
            await self._states.room(1)
            self._states.say_fact(lane, ref.key, waiting.waiting(ref, sequence, name, wake), cause)
            return
        assert problem is not None
        self._note.error("an actor is parked", actor="/".join(ref), sequence=sequence, reason=str(problem))
        await self._states.room(1)
        self._states.say_fact(lane, ref.key, waiting.parked(ref, sequence, name, problem, wake), cause)

    async def _say_resumed(self, lane: Lane, key: str, message: Message) -> None:
        """The message at which the service stood has been decided."""
        sequence = message.context.sequence
        self._note.info("going on", sequence=sequence)
        resumed = self._wiring.own.resumed(sequence=sequence, reason="it has been decided")
        await self.say(lane, resumed, msgspec.structs.replace(_cause(message), key=key))

    async def _decide(self, lane: Lane, to: Addressee, message: Message) -> None:
        """Decide, and add what is said to the turn. Undecidable."""
        entry = await self._states.entry(to.ref)
        decision = deciding.decide(to.actor, to.ref, lane.partition, entry, message, lane.reference)
        await self._states.room(len(decision.sayings))
        self._states.decided(lane, to.ref, decision)

    async def say_rejected(self, lane: Lane, subject: str, reason: str, cause: Context) -> None:
        """The reason may repeat what came in, however long that is."""
        self._note.warning("a message is rejected", sequence=cause.sequence, reason=reason[:1000])
        fact = self._wiring.own.rejected(sequence=cause.sequence, subject=subject[:512], reason=reason[:1000])
        await self.say(lane, fact, cause)

    async def say(self, lane: Lane, fact: Event, cause: Context) -> None:
        """A fact of the runtime's own, said where the key of its cause lives."""
        await self._states.room(1)
        self._states.say(lane, [parking.saying(self._wiring.service, lane.partition, cause.key, fact, cause)])

    # --- words about parked actors -------------------------------------------------------------------------------

    async def follow(self, lane: Lane, word: Word) -> None:
        """Hear again, in order, what waits for a parked actor: without its head or with other data, if told so."""
        sequence, ref = word.context.sequence, ActorRef(word.entity, word.key, word.actor)
        if not lane.follows(sequence):
            if (problem := await self._why_not(word, ref)) is not None:
                await self.say_rejected(lane, wire.subject(type(word), word.key), problem, word.context)
                lane.followed(sequence)
                return
            await self._begin(lane, word, ref)
        lane.following(sequence, ref)
        while (head := self._states.parking.head(ref)) is not None and lane.partition in self._states.lanes:
            await self._states.room(1)
            try:
                await self._retry(lane, ref, head)
            except Undecidable as failed:
                again = self._states.parking.parked(ref, head.sequence, head.row.message, failed, head.wake)
                self._states.say_fact(lane, ref.key, again, word.context)
                break
            self._states.say_fact(lane, ref.key, self._states.parking.retried(ref, head), word.context)
        lane.followed(sequence)

    async def _begin(self, lane: Lane, word: Word, ref: ActorRef) -> None:
        """What a word changes before the rest is heard again."""
        head = self._states.parking.queue(ref)[0]
        await self._states.room(1)
        if isinstance(word, DiscardMessage):
            given_up = self._states.parking.discarded(ref, head, word.reason)
            self._states.say_fact(lane, ref.key, given_up, word.context)
        elif isinstance(word, EditMessage):
            edited = self._states.parking.edited(ref, head, word)
            self._states.say_fact(lane, ref.key, edited, word.context)

    async def _why_not(self, word: Word, ref: ActorRef) -> str | None:
        """Why a word about a parked actor cannot be followed."""
        head = self._states.parking.head(ref)
        if head is None:
            return f"{'/'.join(ref)} is not parked"
        if isinstance(word, DiscardMessage | EditMessage) and word.sequence not in (None, head.sequence):
            return f"{'/'.join(ref)} waits at {head.sequence}, not at {word.sequence}"
        if isinstance(word, EditMessage):
            return await self._why_no_edit(word, ref, head)
        return None

    async def _why_no_edit(self, word: EditMessage, ref: ActorRef, head: Waits) -> str | None:
        if head.wake is not None:
            return f"{'/'.join(ref)} waits at a wake, which has no data"
        try:
            edited = await self._edited(head, word.data, word.id)
            found = ref.id if isinstance(edited, Broadcast) else deciding.id_of(self._actor(ref), edited)
        except Undecidable as problem:
            return str(problem)
        if ref.id not in (found, NO_ACTOR):
            return f"the edited message is for {ref.entity} {found}, not for {ref.id}: say it as one of its own"
        return None

    async def _retry(self, lane: Lane, ref: ActorRef, head: Waits) -> None:
        """The original is read again from the log and heard with the code and the reference of today. Undecidable."""
        message = await self._waiting(head)
        to = self._addressee(message, ref)
        if head.wake is not None:
            entry = await self._states.entry(ref)
            if entry.wake == head.wake:  # else what was heard meanwhile has moved it
                woken = deciding.woken(message, self._wiring.service, ref, entry, head.wake)
                await self._decide(lane, Addressee(self._actor(ref), ref), woken)
        elif to is not None and to.ref == ref:
            await self._decide(lane, to, message)
        elif to is not None:
            await self._hand_over(lane, to, message)

    async def _hand_over(self, lane: Lane, to: Addressee, message: Message) -> None:
        """What waited for nobody is heard by the one it is for, or waits there. Undecidable when there is no room."""
        problem: Undecidable | None = None
        if to.ref not in self._states.parking:
            try:
                return await self._decide(lane, to, message)
            except Undecidable as failed:
                problem = failed
        try:
            await self._wait(lane, to.ref, message, problem)
        except Full as full:
            raise Undecidable(str(full)) from None

    async def _waiting(self, head: Waits) -> Message:
        """A message that waits, with other data where it has been edited. Undecidable."""
        if not head.row.edited:
            return await self._original(head.sequence, head)
        command = await self._original(head.row.edited, head)
        if not isinstance(command, EditMessage):
            raise Undecidable(f"what lies on the log at {head.row.edited} edits no message")
        return await self._edited(head, command.data, command.id)

    async def _original(self, sequence: int, head: Waits) -> Message:
        received = await self._log.patiently(self._log.message, sequence)
        if received is None:
            raise Undecidable("the message is no longer on the log")
        try:
            return wire.hear(received, self._wiring.types, head.row.at)
        except Refused as problem:
            raise Undecidable(f"the message cannot be heard: {problem.reason}") from None

    async def _edited(self, head: Waits, data: Mapping[str, Any], command: str) -> Message:
        """The message with other data, in its own place and time; what is said to it names the command as the cause."""
        original = await self._original(head.sequence, head)
        context = msgspec.structs.replace(original.context, id=command, cause=original.id)
        try:
            return wire.decode(type(original), wire.encode(data)).heard(context)
        except (Refused, ValueError, OverflowError) as problem:  # a number may be too large to be written again
            raise Undecidable(f"the edited message cannot be heard: {problem}") from None

    def _actor(self, ref: ActorRef) -> Wired:
        actor = self._wiring.actors.get(ref.entity)
        if actor is None:
            raise Undecidable(f"there is no entity {ref.entity}")
        return actor

    def _addressee(self, message: Message, ref: ActorRef) -> Addressee | None:
        """Who hears what waits for `ref`: an actor that could not be told may be told now, or be none. Undecidable."""
        actor = self._actor(ref)
        if ref.id != NO_ACTOR:
            return Addressee(actor, ref)
        found = deciding.id_of(actor, message)
        return None if found is None else Addressee(actor, ActorRef(ref.entity, ref.key, found))

    # --- what would be said --------------------------------------------------------------------------------------

    async def rehearse(self, lane: Lane, ref: ActorRef, data: Mapping[str, Any] | None) -> Rehearsal:
        """What a retry would lead to now, `data` taking the place of that of the head. Nothing of it lasts."""
        entries: dict[ActorRef, deciding.Entry] = {}
        queue, found, room = self._states.parking.queue(ref), list[Rehearsed](), _ROOM
        for head in queue:
            says: list[str] = []
            problem: Undecidable | None = None
            try:
                edit = data if head is queue[0] else None
                said = await self._imagined(lane, ref, head, edit, entries)
                says = [saying.body.decode() for saying in said]
            except Undecidable as failed:
                problem = failed
            room -= sum(map(len, says)) + _ROOM // 1000
            if room < 0 and found:
                break
            found.append(
                Rehearsed(
                    sequence=head.sequence,
                    message=head.row.message,
                    says=tuple(says),
                    problem=None if problem is None else str(problem),
                    traceback="" if problem is None else problem.traceback,
                )
            )
            if problem is not None:
                break
        return Rehearsal(messages=tuple(found), left_off=len(queue) - len(found))

    async def _imagined(
        self,
        lane: Lane,
        ref: ActorRef,
        head: Waits,
        data: Mapping[str, Any] | None,
        entries: dict[ActorRef, deciding.Entry],
    ) -> Sequence[Saying]:
        """What would be said to one waiting message after those before it, which have left `entries`. Undecidable."""
        message = await (self._waiting(head) if data is None else self._edited(head, data, "rehearsed"))
        to = self._addressee(message, ref)
        if to is None or (to.ref != ref and to.ref in self._states.parking):
            return []
        entry = entries.get(to.ref) or await self._states.committed(to.ref)
        if head.wake is not None:
            if entry.wake != head.wake:
                return []
            message = deciding.woken(message, self._wiring.service, ref, entry, head.wake)
        decision = deciding.decide(to.actor, to.ref, lane.partition, entry, message, lane.reference)
        entries[to.ref] = decision.entry
        return decision.sayings


def _cause(message: Message) -> Context:
    """What a fact about a message names as its cause: for a wake, the tick that brought it."""
    context = message.context
    return msgspec.structs.replace(context, id=context.cause or "") if isinstance(message, Wake) else context


__all__ = ["Delivering", "Full"]
