"""What a person reads: one line per message, coloured by who said it."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.reading import Heard
from infra.telling import about, amounts, instant, title, why

OUT = Console(highlight=False, soft_wrap=True)
ERR = Console(stderr=True, highlight=False, soft_wrap=True)
_WIDEST = 400

_COLOURS = {"commercial": "cyan", "delivery": "green", "finance": "yellow", "observability": "magenta"}
_NO = ("refused", "held", "rejected", "parked", "stalled", "unratable", "over_cap", "block")
"""What a name has in it when the news is bad."""


def colour(service: str) -> str:
    return _COLOURS.get(service, "white")


def is_bad_news(message: Heard) -> bool:
    name = message.type.split(".")[2] if message.type.count(".") == 3 else message.type
    return message.is_trouble or any(part in name for part in _NO)


def show_table(console: Console, table: Table) -> None:
    """A table with every amount in full: on a narrow terminal its lines run over rather than lose figures."""
    needed = console.measure(table, options=console.options.update(max_width=_WIDEST)).maximum
    console.print(table, width=max(needed, console.width), crop=False, overflow="ignore")


def line(message: Heard, *, after: str = "") -> Text:
    """`08 Jan 2026 10:00  finance  invoice issued  DE01-000001  gross 214,200.00 EUR`."""
    bad = is_bad_news(message)
    text = Text.assemble(
        (f"{instant(message.time)}  ", "dim"),
        (f"{message.service:<13} ", colour(message.service)),
        (f"{'✗' if bad else '→' if message.kind == 'cmd' else '•'} ", "red" if bad else "dim"),
        (f"{title(message.type):<32} ", "bold red" if bad else "default" if message.kind == "cmd" else "bold"),
        (f"{about(message.data) or message.key:<16} ", "cyan"),
        (", ".join(amounts(message.data)), "default"),
    )
    if reason := why(message.data):
        text.append(f"  {reason}", "red" if bad else "yellow")
    if after:
        text.append(f"  {after}", "dim")
    text.rstrip()
    return text


def watched(message: Heard) -> Text:
    """The same with its place in the log and its key."""
    return Text.assemble((f"{message.sequence:>7}  ", "dim"), (f"{message.key:<10} ", "blue"), line(message))
