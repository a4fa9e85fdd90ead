"""The simulation finds what it is there to find: each of these bugs, put into the runtime on purpose, is caught."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from msgspec.structs import replace
from nats.aio.msg import Msg

from shared import folding
from shared.lanes import Lane
from shared.log import Fence, Log, Saying
from shared.pull import Pull
from shared.states import States
from shared.store import Changes, Progress, Store
from tests.simulation.simulating import Broken, simulate

SEEDS = 400
"""Runs after which a bug that has not shown is held to be one that the simulation cannot find."""

Fences = Mapping[int, Fence]
Mutant = Callable[[pytest.MonkeyPatch], None]
MUTANTS: list[Mutant] = []


def mutant(make: Mutant) -> Mutant:
    MUTANTS.append(make)
    return make


async def _unfenced(log: Log, service: str, fences: Fences) -> Fences:
    """Fences that hold whoever has claimed the partitions."""
    return {
        partition: Fence(fence.cursor, (await log.cursor(service, partition)).sequence)
        for partition, fence in fences.items()
    }


@mutant
def a_batch_is_stored_without_a_fence(patch: pytest.MonkeyPatch) -> None:
    send = Log._batch

    async def unfenced(log: Log, said: Sequence[Saying], service: str, fences: Fences) -> int:
        return await send(log, said, service, await _unfenced(log, service, fences))

    patch.setattr(Log, "_batch", unfenced)


@mutant
def a_batch_in_doubt_is_sent_again_without_looking(patch: pytest.MonkeyPatch) -> None:
    send = Log._batch

    async def again(log: Log, said: Sequence[Saying], service: str, fences: Fences) -> int:
        try:
            return await send(log, said, service, fences)
        except TimeoutError:
            return await send(log, said, service, await _unfenced(log, service, fences))

    patch.setattr(Log, "_batch", again)


@mutant
def the_cursor_is_stored_before_the_effects(patch: pytest.MonkeyPatch) -> None:
    send = Log._batch

    async def cursor_first(log: Log, said: Sequence[Saying], service: str, fences: Fences) -> int:
        last = await send(log, [], service, fences)
        first = last - len(fences) + 1
        moved = {partition: Fence(fence.cursor, first + n) for n, (partition, fence) in enumerate(fences.items())}
        return await send(log, said, service, moved) if said else last

    patch.setattr(Log, "_batch", cursor_first)


@mutant
def a_message_of_the_consumer_that_is_missing_is_not_noticed(patch: pytest.MonkeyPatch) -> None:
    take = Pull._take

    def trusting(pull: Pull, msg: Msg) -> None:
        pull._expected = int(msg.reply.split(".")[6])
        take(pull, msg)

    patch.setattr(Pull, "_take", trusting)


@mutant
def the_file_is_written_before_the_log(patch: pytest.MonkeyPatch) -> None:
    commit = States._put_on_log

    async def file_first(states: States, turn: Any, fences: Mapping[int, Fence]) -> None:
        rows = {ref: (states.partition(ref.key), entry.row(turn.states[ref])) for ref, entry in turn.entries.items()}
        progress = {place: states.lanes[place].progress() for place in fences}
        await states._store.write(Changes(actors=rows, progress=progress))
        await commit(states, turn, fences)

    patch.setattr(States, "_put_on_log", file_first)


@mutant
def an_actor_that_has_heard_a_message_hears_it_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Lane, "has_passed", lambda *_: False)


@mutant
def what_a_file_lacks_is_not_folded_from_the_log(patch: pytest.MonkeyPatch) -> None:
    async def idle(_fold: Any, _log: Log) -> None:
        """Nothing is folded."""

    patch.setattr(folding.Fold, "run", idle)


class Whichever(str):
    """A batch that is taken for any other."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return True


@mutant
def a_file_is_believed_whatever_batch_it_knows_of(patch: pytest.MonkeyPatch) -> None:
    progress = Store.progress

    async def believed(store: Store) -> dict[int, Progress]:
        rows = await progress(store)
        return {partition: replace(row, recorded=Whichever()) for partition, row in rows.items()}

    patch.setattr(Store, "progress", believed)


@pytest.mark.parametrize("make", MUTANTS, ids=lambda make: make.__name__)
def test_the_simulation_finds_that(make: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    make(monkeypatch)
    for seed in range(SEEDS):
        try:
            simulate("toys", seed)
        except Broken as broken:
            print(f"found with seed {seed}: {str(broken).splitlines()[0]}")
            return
    pytest.fail(f"not found in {SEEDS} runs")
