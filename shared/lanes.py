"""A lane is one partition as its owner holds it: how far it is, its fence, and what broadcasts have told it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from contracts.message import Message
from shared.decider import Wiring
from shared.log import Cursor, Fence, Recorded, Within
from shared.store import ActorRef, Progress


class Lane(Struct, kw_only=True):
    """How far one partition is. What is heard changes it at once, its cursor on the log follows with a commit."""

    partition: int
    epoch: int
    fence: int
    """Place in the log of the last cursor record."""
    batch: str
    """Of the last commit."""
    recorded: int
    """The input sequence of that record."""
    input: int
    """Everything up to this log sequence has been heard."""
    within: Within | None
    word: Within
    """The last word about parked actors that has been followed; it names an actor while that is under way."""
    tick: datetime | None
    reference: Any
    taught: bool = False
    """Whether the reference has changed since it was last handed over to be written."""

    def begun(self, sequence: int) -> bool:
        """Whether a message that concerns many actors is under way: the reference knows it already."""
        return self.within is not None and self.within.sequence == sequence

    def begin(self, sequence: int) -> None:
        if not self.begun(sequence):
            self.within = Within(sequence)

    def passed(self, sequence: int, ref: ActorRef) -> None:
        """The message at `sequence` has been heard by this actor and by all before it."""
        self.within = Within(sequence, *ref)

    def has_passed(self, sequence: int, ref: ActorRef) -> bool:
        within = self.within
        return within is not None and within.sequence == sequence and ref <= (within.entity, within.key, within.id)

    def hears_word(self, sequence: int) -> bool:
        """Whether a word about parked actors is still to be followed: a paused partition follows those ahead of it."""
        return self.word.sequence < sequence or self.follows(sequence)

    def follows(self, sequence: int) -> bool:
        """Whether the word is under way: what it says of the head has been done."""
        return self.word.sequence == sequence and self.word.entity != ""

    def following(self, sequence: int, ref: ActorRef) -> None:
        """What a word says of the head has been done: the rest is heard again."""
        self.word = Within(sequence, *ref)

    def followed(self, sequence: int) -> None:
        self.word = Within(sequence)

    def done(self, sequence: int) -> None:
        """Everything up to `sequence` has been heard."""
        self.input, self.within = sequence, None

    def learn(self, wiring: Wiring, message: Message) -> None:
        """Fold a broadcast into the reference. Raises what the reference's `evolve` raises."""
        if wiring.reference is not None and wiring.reference_codec is not None:
            self.reference = wiring.reference_codec.settle(wiring.reference.evolve(self.reference, message))
            self.taught = True

    def next_fence(self, owner: str, batch: str) -> Fence:
        """The cursor that a commit records."""
        cursor = Cursor(
            owner=owner,
            epoch=self.epoch,
            batch=batch,
            input=self.input,
            within=self.within,
            word=self.word,
            tick=self.tick,
        )
        return Fence(cursor, self.fence)

    def progress(self) -> Progress:
        """How far the lane is, for the working copy."""
        return Progress(
            partition=self.partition,
            input=self.input,
            within=self.within,
            word=self.word,
            tick=self.tick,
            folded=self.fence,
            recorded=self.batch,
        )


Lanes = Mapping[int, Lane]


def recorded_lane(wiring: Wiring, partition: int, recorded: Recorded) -> Lane:
    """A partition as its last cursor on the log has it, with a reference that knows nothing yet."""
    cursor = recorded.cursor
    if cursor is None:
        raise ValueError(f"partition {partition} has not been claimed")
    return Lane(
        partition=partition,
        epoch=cursor.epoch,
        fence=recorded.sequence,
        batch=cursor.batch,
        recorded=cursor.input,
        input=cursor.input,
        within=cursor.within,
        word=cursor.word,
        tick=cursor.tick,
        reference=wiring.reference.initial if wiring.reference else None,
    )


__all__ = ["Lane", "Lanes", "recorded_lane"]
