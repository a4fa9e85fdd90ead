"""DBOS on SQLite, its default database."""

import sqlite3

from tests.bench.peers.contender import Work
from tests.bench.peers.dbos_workflows import run_on, settings


def about() -> str:
    return f"{settings()}; SQLite {sqlite3.sqlite_version} WAL"


async def run(work: Work) -> None:
    path = work.folder / "dbos.sqlite3"
    with sqlite3.connect(path) as db:
        db.execute("pragma journal_mode = wal")  # kept by the file: as its readers and writers would otherwise collide
    await run_on(f"sqlite:///{path}", work)
