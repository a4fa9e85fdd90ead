"""Commands about webhooks: how far each has come, what keeps it, and sending again what was sent already."""

from typing import Annotated, NamedTuple

import typer
from rich.text import Text

from contracts import wire
from contracts.message import is_identifier, name_of
from contracts.observability import ResumeWebhook, ShowWebhook, WebhookRegistered, WebhookShown
from infra.client import Mesh, connected
from infra.commands.running import OUT, Json, Nats, print_json, run
from infra.failure import NO, WRONG, Failure
from infra.telling import instant
from shared.hearing import matching, subjects

app = typer.Typer(no_args_is_help=True)

_COLOURS = {"ACTIVE": "green", "PAUSED": "yellow", "DISABLED": "bold red", "REMOVED": "dim"}

Webhook = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its key, under which it was registered.")]


class Standing(NamedTuple):
    """A webhook and how many of the events that match lie before it."""

    webhook: str
    shown: WebhookShown
    backlog: int


@app.command("list")
def list_(nats: Nats = None, json: Json = False) -> None:
    """Every webhook: its state, what it has delivered, what waits, and its last error."""
    found = run(_all(nats))
    if json:
        for standing in found:
            print_json(standing._asdict())
        return
    if not found:
        OUT.print("there are no webhooks: say observability.webhook.register.v1", style="dim")
    for standing in found:
        OUT.print(_line(standing))


@app.command()
def show(webhook: Webhook, nats: Nats = None, json: Json = False) -> None:
    """One webhook: where it sends what, how far it has come, and what keeps it."""
    standing = run(_show(webhook, nats))
    if json:
        print_json(standing._asdict())
        return
    shown = standing.shown
    OUT.print(_line(standing))
    OUT.print(f"    to       {shown.url}", markup=False)
    OUT.print(f"    events   {', '.join(shown.events)}", markup=False)
    OUT.print(f"    keys     {', '.join(shown.keys) or 'all'}", markup=False)
    OUT.print(f"    signed   with the secrets {' and '.join(shown.secrets)}", markup=False)
    OUT.print(f"    settled  up to log sequence {shown.position}, in run {shown.run}", markup=False)


@app.command()
def replay(
    webhook: Webhook,
    after: Annotated[int, typer.Option(min=0, help="Send again all that matches and follows this log sequence.")],
    nats: Nats = None,
    json: Json = False,
) -> None:
    """Send again what was sent, or refused, already: under the same webhook-id, by which the receiver knows it."""
    standing = run(_replay(webhook, after, nats))
    if json:
        print_json(standing._asdict())
    else:
        OUT.print(_line(standing))


async def _all(nats: str | None) -> list[Standing]:
    """Those that were ever registered, but for what was removed."""
    async with connected(nats) as mesh:
        filters = subjects([name_of(WebhookRegistered)], ["*"])
        keys = {wire.parse(one.subject).key async for one in mesh.read(filters, 0, await mesh.log.last())}
        found = [await _standing(mesh, key) for key in sorted(keys)]
    return [standing for standing in found if standing.shown.phase not in ("UNKNOWN", "REMOVED")]


async def _standing(mesh: Mesh, webhook: str) -> Standing:
    shown = await mesh.ask(ShowWebhook(), webhook, WebhookShown, after=await mesh.log.last())
    backlog = await mesh.log.count(matching(shown.events, shown.keys), shown.position) if shown.events else 0
    return Standing(webhook, shown, backlog)


async def _known(mesh: Mesh, webhook: str) -> Standing:
    if not is_identifier(webhook):
        raise Failure(f"webhook {webhook!r} must be 1 to 64 letters, digits, _ or -", WRONG)
    standing = await _standing(mesh, webhook)
    if standing.shown.phase in ("UNKNOWN", "REMOVED"):
        raise Failure(f"there is no webhook {webhook}: see `q2c webhooks list`", NO)
    return standing


async def _show(webhook: str, nats: str | None) -> Standing:
    async with connected(nats) as mesh:
        return await _known(mesh, webhook)


async def _replay(webhook: str, after: int, nats: str | None) -> Standing:
    async with connected(nats) as mesh:
        await _known(mesh, webhook)
        if after >= await mesh.log.last():
            raise Failure(f"nothing follows log sequence {after} yet", WRONG)
        await mesh.say(ResumeWebhook(after=after), webhook)
        return await _standing(mesh, webhook)


def _line(standing: Standing) -> Text:
    """`ERP  ACTIVE  12 delivered  0 waiting`."""
    shown = standing.shown
    text = Text.assemble(
        (f"{standing.webhook:<16} ", "bold"),
        (f"{shown.phase:<9} ", _COLOURS.get(shown.phase, "default")),
        f"{shown.delivered} delivered  {shown.refused} refused  {standing.backlog} waiting",
    )
    if shown.last_error:
        text.append(f"  {shown.last_error}", "red")
    if shown.again_at:
        text.append(f", again {instant(shown.again_at)}", "yellow")
    return text
