"""An operator sees how far each webhook has come, what keeps it, and has events sent again."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook

from tests.receiver import Reply, receiver
from tests.scenarios.running_mesh import Ran, UpMesh, up

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CUSTOMER = '{"legal_name": "Acme AG", "country": "DE", "tax_id": "DE136695976"}'
REGISTERED = "commercial.customer.registered.v1"


async def q2c(mesh: UpMesh, *arguments: str, given: str | None = None) -> Ran:
    """While the command runs, the receiver can be called."""
    return await asyncio.to_thread(mesh.q2c, *arguments, given=given)


async def say(mesh: UpMesh, name: str, key: str, data: object) -> None:
    said = await q2c(mesh, "say", name, key, "-", given=data if isinstance(data, str) else json.dumps(data))
    assert said.code == 0, said.err


async def listed_once(mesh: UpMesh, come: Callable[[Any, Any], bool]) -> list[Any]:
    """The list of webhooks once they have come that far."""
    async with asyncio.timeout(60):
        while True:
            lines = (await q2c(mesh, "webhooks", "list", "--json")).lines
            shown = {line["webhook"]: line["shown"] for line in lines}
            if {"ERP", "CRM"} <= set(shown) and come(shown["ERP"], shown["CRM"]):
                return lines


async def test_an_operator_looks_after_webhooks(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "erp").write_text(SECRET)
    with up(tmp_path / "mesh", Q2C_SECRETS=str(tmp_path / "secrets"), Q2C_PRIVATE="allow") as mesh:
        async with receiver() as erp, receiver() as crm:
            assert (await q2c(mesh, "webhooks", "list")).out.startswith("there are no webhooks")
            hook = {"url": erp.url, "events": ["commercial.customer.*.v1"], "secret": "erp"}
            await say(mesh, "observability.webhook.register.v1", "ERP", hook)
            crm.answer = lambda _request: Reply(410)
            await say(mesh, "observability.webhook.register.v1", "CRM", {**hook, "url": crm.url})
            await say(mesh, "commercial.customer.register.v1", "ACME", CUSTOMER)

            (request, *_) = await erp.until(1)
            envelope = Webhook(SECRET).verify(request.body, request.headers)
            assert (envelope["type"], envelope["data"]["legal_name"]) == (REGISTERED, "Acme AG")
            await crm.until(1)
            listed = await listed_once(mesh, lambda erp, crm: erp["delivered"] == 1 and crm["phase"] == "DISABLED")
            assert {line["webhook"]: line["backlog"] for line in listed} == {"CRM": 1, "ERP": 0}
            shown = await q2c(mesh, "webhooks", "show", "CRM")
            assert "the receiver says that it is gone (410)" in shown.out
            assert SECRET not in shown.out

            again = await q2c(mesh, "webhooks", "replay", "ERP", "--after", "0")
            assert again.code == 0, again.err
            first, second = (await erp.until(2))[:2]
            assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)

            assert (await q2c(mesh, "webhooks", "show", "NONE")).code == 1
            assert (await q2c(mesh, "webhooks", "replay", "ERP", "--after", "999999")).code == 2
            assert (await q2c(mesh, "webhooks", "show", "a.b")).code == 2
