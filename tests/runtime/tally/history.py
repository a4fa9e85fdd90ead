"""A projection: every amount that was counted, in the order of the log; -99 is its bug."""

import sqlite3
from collections.abc import Sequence

from contracts.message import Message
from shared.projections import SqlValue, position
from tests.runtime.tally.messages import Added, AskHistory, History

tables = """
CREATE TABLE amounts (sequence INTEGER PRIMARY KEY, amount INTEGER NOT NULL);
CREATE TABLE heard (name TEXT PRIMARY KEY, times INTEGER NOT NULL);
"""


def project(message: Message) -> Sequence[tuple[str, tuple[SqlValue, ...]]]:
    counted = (
        "INSERT INTO heard VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET times = times + 1",
        (type(message).__name__,),
    )
    if isinstance(message, Added) and message.amount == -99:
        raise ArithmeticError("-99 cannot be shown")
    if isinstance(message, Added):
        return [counted, ("INSERT INTO amounts VALUES (?, ?)", (message.context.sequence, message.amount))]
    return [counted]


def answer(rows: sqlite3.Connection, question: AskHistory) -> History:
    amounts = tuple(
        amount
        for (amount,) in rows.execute(
            "SELECT amount FROM amounts WHERE sequence > ? ORDER BY sequence", (question.after,)
        )
    )
    return History(position=position(rows), amounts=amounts)
