"""Shows a scenario while it happens: a heading per chapter, then one line per business fact, grouped by journey."""

import time
from datetime import datetime

from rich.console import Console
from rich.status import Status
from rich.text import Text

from infra.reading import Heard
from infra.scenario import Note, Step
from infra.screen import line, show_line
from infra.telling import ECHOES, instant


class Progress:
    """Watches a scenario being played."""

    def __init__(self, console: Console) -> None:
        self.facts = 0
        self._console = console
        self._names: dict[str, str] = {}
        """What a journey is called: by the quote that opened it."""
        self._of_customer: dict[str, list[str]] = {}
        self._waiting: list[tuple[str, Heard, float]] = []
        self._shown = ""
        self._began = time.perf_counter()
        self._set_off: dict[str, float] = {}
        """When the message that set off all that led to this one was heard, by message id."""
        self._status = Status("", console=console, spinner="dots") if console.is_terminal else None

    def begun(self, step: Step) -> None:
        self._began = time.perf_counter()
        if isinstance(step.action, Note):
            self._console.print()
            self._console.print(step.action.note, style="bold reverse", markup=False)
            self._shown = ""

    def day(self, now: datetime) -> None:
        self._began = time.perf_counter()
        if self._status is not None:
            self._status.start()
            self._status.update(f"[dim]{instant(now)}[/dim]")

    def heard(self, message: Heard) -> None:
        now = time.perf_counter()
        # A wake is no message: what it causes is counted from the day on which it was due.
        began = now if message.cause is None else self._set_off.get(message.cause, self._began)
        self._set_off.setdefault(message.id, began)
        if message.type.startswith("commercial.quote.") and isinstance(message.data, dict):
            quote = message.data.get("quote_id")
            if isinstance(quote, str):
                name = self._names.setdefault(message.correlation, f"{message.key} {quote}")
                own = self._of_customer.setdefault(message.key, [])
                if name not in own:
                    own.append(name)
        if message.is_fact or message.is_trouble:
            self.facts += message.is_fact
        if (message.is_fact and message.type not in ECHOES) or message.is_trouble:
            self._waiting.append((message.correlation, message, now - began))

    def done(self) -> None:
        """Show what has been heard, one journey after the other."""
        if self._status is not None:
            self._status.stop()
        waiting, self._waiting = self._waiting, []
        journeys: dict[str, list[tuple[Heard, float]]] = {}
        for journey, message, elapsed in waiting:
            journeys.setdefault(self._journey(journey, message.key), []).append((message, elapsed))
        for name, messages in journeys.items():
            if name != self._shown:
                self._console.print(f"  {name}", style="bold blue", markup=False)
                self._shown = name
            for message, elapsed in messages:
                text = line(message, after=f"+{elapsed * 1000:.0f} ms")
                show_line(self._console, Text("    ").append_text(text))

    def _journey(self, correlation: str, key: str) -> str:
        """The journey's name; what belongs to none is told under its customer's only one, or the firm's."""
        if correlation in self._names:
            return self._names[correlation]
        own = self._of_customer.get(key, [])
        return own[0] if len(own) == 1 else "the firm"
