"""The observability service: the clock, the journeys, webhooks, and the timeline and the books over the whole log."""

from services.observability import books, delivery, journey, timeline, webhook
from shared.service import service

app = service("observability", journey, webhook, projections=(timeline, books), effects=(delivery,))
