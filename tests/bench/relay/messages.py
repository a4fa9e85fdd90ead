"""What the relay says: a service as small as can be, so that what is measured is the runtime."""

from contracts.message import Command, Event, name_of
from contracts.observability import ClockTicked


class Note(Command, tag="relay.notebook.note.v1"):
    """Write down a text."""

    text: str


class Noted(Event, tag="relay.notebook.noted.v1"):
    """It is written on this page."""

    page: int
    text: str


class Run(Command, tag="relay.runner.run.v1"):
    """Take so many steps, one after the other."""

    steps: int
    payload: str


class Stepped(Event, tag="relay.runner.stepped.v1"):
    """A step is taken, and handed over to the next one while there are steps left."""

    distance: int
    left: int
    payload: str


TYPES = {name_of(item): item for item in (Note, Noted, Run, Stepped, ClockTicked)}
