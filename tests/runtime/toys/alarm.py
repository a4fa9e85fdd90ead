"""An alarm: rings when its time has come, as often as it was told to."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from contracts.message import Record, Wake
from tests.runtime.toys.messages import AlarmRang, AlarmSet, SetAlarm


class Alarm(Record):
    due: datetime | None = None
    again_after_hours: int = 0
    rings: int = 0


initial = Alarm()


def actor_id(message: SetAlarm) -> str:
    return message.alarm


def decide(state: Alarm, message: SetAlarm | Wake) -> Sequence[AlarmSet | AlarmRang]:
    match message:
        case SetAlarm():
            hours = message.again_after_hours
            return [AlarmSet(alarm=message.alarm, due=message.at, again_after_hours=hours, rings=message.rings)]
        case Wake():
            if state.rings < 0:
                return []  # a bug on purpose: it says nothing and would be woken for ever
            left = state.rings - 1
            due = message.at + timedelta(hours=state.again_after_hours) if left else None
            return [AlarmRang(alarm="a", due=due, rings=left)]


def evolve(state: Alarm, event: AlarmSet | AlarmRang) -> Alarm:
    match event:
        case AlarmSet():
            return Alarm(due=event.due, again_after_hours=event.again_after_hours, rings=event.rings)
        case AlarmRang():
            return Alarm(due=event.due, again_after_hours=state.again_after_hours, rings=event.rings)


def wakes(state: Alarm) -> datetime | None:
    return state.due
