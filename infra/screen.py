"""What a person reads: one line per message, coloured by who said it."""

from rich.console import Console
from rich.measure import Measurement
from rich.segment import Segments
from rich.table import Column, Table
from rich.text import Text

from infra.reading import Heard
from infra.telling import about, amounts, instant, title, why

OUT = Console(highlight=False, soft_wrap=True)
ERR = Console(stderr=True, highlight=False, soft_wrap=True)
_FOLDED = 7
"""To so few characters a column of words may be narrowed, on more lines; a column that must not wrap never is."""

_ENDLESS = 10_000
_SET_IN = 6

_COLOURS = {"commercial": "cyan", "delivery": "green", "finance": "yellow", "observability": "magenta"}
_NO = ("refused", "held", "rejected", "parked", "paused", "stalled", "unratable", "over_cap", "block")
"""What a name has in it when the news is bad."""


def colour(service: str) -> str:
    return _COLOURS.get(service, "white")


def is_bad_news(message: Heard) -> bool:
    name = message.type.split(".")[2] if message.type.count(".") == 3 else message.type
    return message.is_trouble or any(part in name for part in _NO)


def show_table(console: Console, table: Table) -> None:
    """A table in the terminal's width. Where even its amounts have no room, lines run over: nothing is cut."""
    _, right, _, left = table.padding
    needed = sum(_narrowest(console, column) + left + right for column in table.columns)
    options = console.options.update_width(max(needed, console.width))
    console.print(Segments(console.render(table, options)), crop=False)


def _narrowest(console: Console, column: Column) -> int:
    cells = (column.header, *column.cells)
    widest = max(Measurement.get(console, console.options.update_width(_ENDLESS), cell).maximum for cell in cells)
    return widest if column.no_wrap else min(widest, _FOLDED)


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


def show_line(console: Console, text: Text) -> None:
    """On a terminal too narrow for it, closed up, and set in below if that is not enough; elsewhere as it is."""
    if not console.is_terminal or len(text) <= console.width:
        console.print(text)
        return
    start = len(text) - len(text.plain.lstrip())
    closed_up = Text("  ").join(part for part in text.split("  ") if part.plain.strip())
    first, *more = closed_up.wrap(console, console.width - _SET_IN)
    console.print(Text(" " * start).append_text(first))
    for part in more:
        console.print(Text(" " * _SET_IN).append_text(part))


def watched(message: Heard) -> Text:
    """The same with its place in the log and its key."""
    return Text.assemble((f"{message.sequence:>7}  ", "dim"), (f"{message.key:<10} ", "blue"), line(message))
