"""Projections: rows and cursor move together, and a projection that is not what it was is made anew."""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from contracts import wire
from contracts.message import Context, Event, Message, Question, Record, name_of
from contracts.observability import ClockTicked
from shared.decider import WiringError
from shared.projections import Projection, Projects, SqlValue, Stopped, position
from tests.runtime.tally import history
from tests.runtime.tally.messages import Add, Added, AskHistory, AskTotal

TYPES: wire.Catalogue = {name_of(item): item for item in (Add, Added, AskTotal, AskHistory, ClockTicked)}
LOG = "Q2C of today"
NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)


def stored(message: Message, sequence: int) -> wire.Received:
    context = Context(id=f"m{sequence}", source="/test", key="K", at=NOON, correlation="c")
    return wire.Received(wire.subject(type(message), "K", 3), wire.envelope(message, context), sequence)


def bare(body: bytes, sequence: int) -> wire.Received:
    return wire.Received("q2c.evt.tally.counter.added.v1.3.K", body, sequence)


def counted(amount: int, sequence: int) -> wire.Received:
    return stored(Added(amount=amount, total=0), sequence)


@pytest.fixture
def projection(tmp_path: Path) -> Iterator[Projection]:
    opened = Projection("tally", history, TYPES)
    opened.open(tmp_path, LOG)
    yield opened
    opened.close()


def again(projection: Projection, folder: Path, module: Projects = history, log: str = LOG) -> Projection:
    projection.close()
    reopened = Projection("tally", module, TYPES)
    reopened.open(folder, log)
    return reopened


async def amounts(projection: Projection) -> list[int]:
    return [
        amount for (amount,) in await projection.read(lambda rows: list(rows.execute("SELECT amount FROM amounts")))
    ]


async def test_what_is_heard_becomes_rows_and_is_read_at_a_position(projection: Projection) -> None:
    await projection.write([stored(Add(amount=1), 5), counted(1, 7), counted(2, 9)])
    assert await amounts(projection) == [1, 2]
    assert await projection.read(position) == projection.sequence == 9


async def test_a_projection_goes_on_where_it_was(projection: Projection, tmp_path: Path) -> None:
    await projection.write([counted(1, 7)])
    reopened = again(projection, tmp_path)
    assert reopened.sequence == 7
    await reopened.write([counted(2, 8)])
    assert await amounts(reopened) == [1, 2]
    reopened.close()


async def test_what_cannot_be_decoded_is_passed_over(projection: Projection) -> None:
    cursor = wire.Received("q2c.sys.cursor.tally.3", b"{}", 8)
    await projection.write([bare(b'{"amount": "many"}', 7), cursor, counted(2, 9), bare(b"\xff", 10)])
    assert await amounts(projection) == [2]
    assert projection.sequence == 10


async def test_a_projection_that_raises_stands_before_that_message_with_nothing_half_written(
    projection: Projection,
) -> None:
    await projection.write([counted(1, 7)])
    with pytest.raises(Stopped, match=r"history cannot project sequence 8: .*UNIQUE"):
        await projection.write([counted(2, 8), stored(Added(amount=3, total=0), 8)])
    assert await amounts(projection) == [1]
    assert await projection.read(position) == projection.sequence == 7


def variant(tables: str) -> ModuleType:
    module = ModuleType("tests.runtime.tally.history")
    module.__dict__.update(vars(history) | {"tables": tables})
    return module


async def test_other_tables_are_filled_from_the_start_of_the_log(projection: Projection, tmp_path: Path) -> None:
    await projection.write([counted(1, 7)])
    changed = again(projection, tmp_path, variant(history.tables + "CREATE TABLE more (a);"))
    assert changed.sequence == 0
    assert await amounts(changed) == []
    changed.close()


async def test_other_code_fills_the_tables_from_the_start_of_the_log(projection: Projection, tmp_path: Path) -> None:
    await projection.write([counted(1, 7)])
    code = tmp_path / "history.py"
    code.write_text("the same tables, another way to fill them")
    module = variant(history.tables)
    module.__file__ = str(code)
    changed = again(projection, tmp_path, module)
    assert changed.sequence == 0
    changed.close()


async def test_another_log_fills_the_tables_from_its_start(projection: Projection, tmp_path: Path) -> None:
    await projection.write([counted(1, 7)])
    changed = again(projection, tmp_path, log="Q2C of tomorrow")
    assert changed.sequence == 0
    changed.close()


async def test_a_broken_file_is_made_anew(projection: Projection, tmp_path: Path) -> None:
    await projection.write([counted(1, 7)])
    projection.close()
    (tmp_path / "tally.history.sqlite3").write_bytes(b"not a database at all" * 1000)
    reopened = again(projection, tmp_path)
    assert reopened.sequence == 0
    reopened.close()


async def test_an_answer_cannot_change_what_it_reads(projection: Projection) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await projection.read(lambda rows: rows.execute("DELETE FROM amounts"))


async def test_bare_json_takes_the_time_of_the_last_tick_when_a_scenario_keeps_the_time(tmp_path: Path) -> None:
    class Said(Event, tag="tally.times.said.v1"):
        """Something happened."""

    def project(message: Said) -> Sequence[tuple[str, tuple[SqlValue, ...]]]:
        return [("INSERT INTO times VALUES (?)", (message.at.isoformat(),))]

    project.__annotations__["message"] = Said
    module = SimpleNamespace(__name__="times", tables="CREATE TABLE times (at TEXT);", project=project)
    types: wire.Catalogue = {**TYPES, name_of(Said): Said}
    said = wire.Received("q2c.evt.tally.times.said.v1.3.K", b"{}", 8)
    first = Projection("tally", module, types, scenario=True)
    first.open(tmp_path, LOG)
    await first.write([stored(ClockTicked(instant=NOON), 7), said])
    first.close()
    second = Projection("tally", module, types, scenario=True)
    second.open(tmp_path, LOG)
    await second.write([wire.Received(said.subject, said.body, 9)])
    assert await second.read(lambda rows: list(rows.execute("SELECT at FROM times"))) == [(NOON.isoformat(),)] * 2
    second.close()


def test_a_projection_answers_its_own_questions_only() -> None:
    class AskElsewhere(Question, tag="tally.elsewhere.list.v1"):
        """Asked of something else."""

    class Nothing(Record):
        """No answer."""

    def answer(rows: sqlite3.Connection, question: AskElsewhere) -> Nothing:
        raise NotImplementedError(rows, question)

    answer.__annotations__.update(question=AskElsewhere, **{"return": Nothing})
    module = SimpleNamespace(__name__="history", tables="", project=history.project, answer=answer)
    with pytest.raises(WiringError, match="asked of another entity"):
        Projection("tally", module, TYPES)
