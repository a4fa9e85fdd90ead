"""Hands parcels to a carrier over HTTP: POST takes one, GET tells whether it was taken."""

from shared.effects import Answer, Call, InDoubt, Unavailable
from tests.runtime.parcels.messages import ConfirmSending, RefuseSending, SendingAsked

patience = 2.0
retries = (0.05, 0.1)


def destination(request: SendingAsked) -> str:
    return request.carrier.split("//")[1].split("/")[0]


async def perform(request: SendingAsked, call: Call[None]) -> ConfirmSending | RefuseSending:
    answer = await call.outside.post(f"{request.carrier}/{request.parcel}", b"{}", {"idempotency-key": call.id})
    if answer.status >= 500:
        raise Unavailable(f"status {answer.status}", retry_after=answer.retry_after)
    if answer.status == 499:
        raise InDoubt("the carrier does not know")
    if answer.status >= 400:
        return RefuseSending(parcel=request.parcel, status=answer.status)
    return ConfirmSending(parcel=request.parcel, found=False)


async def lookup(request: SendingAsked, call: Call[None]) -> ConfirmSending | RefuseSending | None:
    answer: Answer = await call.outside.get(f"{request.carrier}/{request.parcel}", {})
    if answer.status >= 500:
        raise Unavailable(f"status {answer.status}")
    return ConfirmSending(parcel=request.parcel, found=True) if answer.status == 200 else None
