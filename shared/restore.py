"""How an owner comes back to the states it had, and how they are verified against a fold of the log alone."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from shared import telemetry
from shared.decider import Wiring
from shared.folding import Fold, RestoreFailed
from shared.lanes import Lane, recorded_lane
from shared.log import Log, Recorded, Within
from shared.parking import Parking
from shared.snapshots import Snapshots, SnapshotUnfit
from shared.states import Snapshot
from shared.store import Progress, Store

_WORTH = 5000
"""Messages of the log that a snapshot must save to be brought in the place of rows that could be folded on."""

_note = telemetry.logger("restore")


async def working_copy(folder: Path, wiring: Wiring, log: Log) -> Store:
    """The SQLite file of a service in `folder`, for this log and these shapes of states. StoreUnfit."""
    fingerprint = f"{await log.identity()} {wiring.fingerprint(log.partitions)}"
    return await Store.open(folder / f"{wiring.service}.sqlite3", fingerprint)


async def restored(
    wiring: Wiring,
    log: Log,
    store: Store,
    claimed: Mapping[int, Recorded],
    *,
    scenario: bool,
    snapshots: Snapshots | None = None,
) -> tuple[dict[int, Lane], Parking]:
    """The claimed partitions as they were when their cursors were recorded, and what is parked in them.

    Where the working copy lags, a snapshot is brought and the log is folded on; where it is of no use, it is thrown
    away. RestoreFailed.
    """
    last = await log.patiently(log.last)
    lanes = {partition: recorded_lane(wiring, partition, recorded) for partition, recorded in claimed.items()}
    if snapshots is not None:
        await _bring(snapshots, await store.progress(), lanes, last)
    known, references = await store.progress(), await store.references()
    after: dict[int, Progress] = {}
    for partition, lane in lanes.items():
        row = known.get(partition)
        if row is not None and _is_current(row, lane, last):
            # Nothing was said since: the file may even know of more that was heard than the log does.
            lane.input, lane.within, lane.word, lane.tick = row.input, row.within, row.word, row.tick
        elif row is None or _is_beyond(row, lane):
            await store.forget(partition)
            references.pop(partition, None)
            after[partition] = _NOTHING
        else:
            after[partition] = row
        if partition in references and wiring.reference_codec is not None:
            lane.reference = wiring.reference_codec.decode(references[partition])
    fold = Fold(wiring, log.partitions, store, lanes, after, scenario=scenario)
    for partition in lanes:
        fold.parking.load(await store.parked(partition))
    if after:
        await fold.run(log)
    return lanes, fold.parking


def _is_current(row: Progress, lane: Lane, last: int) -> bool:
    return row.recorded == lane.batch and row.input <= last


def _is_beyond(row: Progress, lane: Lane) -> bool:
    """What these rows have heard and what has been decided elsewhere cannot be told apart."""
    return row.folded > lane.fence or row.input > lane.input


async def _bring(snapshots: Snapshots, known: Mapping[int, Progress], lanes: Mapping[int, Lane], last: int) -> None:
    """Snapshots in the place of partitions that are not in the file, or whose rows lag far behind them."""
    for partition, lane in lanes.items():
        row = known.get(partition)
        if row is not None and _is_current(row, lane, last):
            continue
        worth = 0 if row is None or _is_beyond(row, lane) else row.folded + _WORTH
        if worth >= lane.fence or (found := await snapshots.find(partition)) is None:
            continue
        snapshot, progress = found
        if not _is_current(progress, lane, last) and _is_beyond(progress, lane):
            _note.warning("a snapshot is of a future that this log does not have", partition=partition)
        elif progress.folded > worth:
            try:
                await snapshots.bring(partition, snapshot)
            except SnapshotUnfit as problem:
                _note.warning("a snapshot cannot be used", partition=partition, problem=str(problem))
            else:
                _note.info("a snapshot is brought", partition=partition, sequence=progress.folded)


async def differences(wiring: Wiring, log: Log, live: Snapshot, *, scenario: bool) -> list[str]:
    """Fold the log alone into a fresh file, up to where the working copy was, and compare the two byte for byte."""
    initial = wiring.reference.initial if wiring.reference else None
    lanes = {lane.partition: msgspec.structs.replace(lane, reference=initial, taught=False) for lane in live.lanes}
    with TemporaryDirectory(prefix="q2c-verify-") as folder:
        store = await Store.open(Path(folder) / "rebuilt.sqlite3", "rebuilt")
        try:
            after = dict.fromkeys(lanes, _NOTHING)
            await Fold(wiring, log.partitions, store, lanes, after, scenario=scenario).run(log)
            found: list[str] = []
            for partition in sorted(lanes):
                found.extend(_compared(partition, live.rows[partition], await store.dump(partition)))
            return found
        finally:
            await store.close()


_NOTHING = Progress(partition=-1, input=0, within=None, word=Within(0), tick=None, folded=0, recorded="")


Rows = Mapping[str, Mapping[str, str]]


def _compared(partition: int, live: Rows, folded: Rows) -> list[str]:
    return [
        f"partition {partition}, {table} {row}: the working copy has {live[table].get(row, 'nothing')}, "
        f"the log gives {folded[table].get(row, 'nothing')}"
        for table in sorted(live)
        for row in sorted(live[table].keys() | folded[table].keys())
        if live[table].get(row) != folded[table].get(row)
    ]


__all__ = ["RestoreFailed", "differences", "restored", "working_copy"]
