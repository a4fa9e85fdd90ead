"""The observability service: the clock, the journeys, and the timeline and the books over the whole log."""

from services.observability import books, journey, timeline
from shared.service import service

app = service("observability", journey, projections=(timeline, books))
