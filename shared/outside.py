"""The outside, as an effect worker meets it: HTTP to addresses that are allowed, and secrets by name.

No text of an error that leaves this module holds an address, a header or a body: they may hold secrets.
"""

import email.utils
import ipaddress
import socket
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import anyio
import httpx

from contracts.message import is_identifier

MOST = 256 * 1024
"""Bytes that are read of an answer."""

_CONNECTS_WITHIN = 5.0
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class Failure(Exception):
    """A call without an answer; the text says why. `retry_after`: seconds for which the destination asked."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class Unavailable(Failure):
    """The call has certainly not had its effect: it may be made again."""


class InDoubt(Failure):
    """The call may have had its effect: it is looked up before it is made again."""


class Answer(NamedTuple):
    """What the other side answered. Header names are in lower case; of the body at most `MOST` bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after(self) -> float | None:
        """Seconds for which it asks to be left alone (RFC 9110, 10.2.3)."""
        text = self.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return float(text)
        try:
            return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
        except (ValueError, OverflowError):
            return None


class Policy(NamedTuple):
    """Which addresses may be called: a worker must not become a way into the network that it stands in."""

    hosts: tuple[str, ...] = ("*",)
    """Names, `*.example.com` for all below it, `*` for any."""
    private: bool = False
    """Whether addresses that are not on the public internet may be called."""

    def allows(self, host: str) -> bool:
        name = host.lower().rstrip(".")
        return any(
            name == allowed or allowed == "*" or (allowed.startswith("*.") and name.endswith(allowed[1:]))
            for allowed in map(str.lower, self.hosts)
        )

    def allows_address(self, address: str) -> bool:
        found = ipaddress.ip_address(address.partition("%")[0])
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        return self.private or (found.is_global and not found.is_multicast)


class Outside:
    """One client for all calls of a service. `secrets`: the folder that holds one file for each secret."""

    def __init__(self, client: httpx.AsyncClient, policy: Policy, secrets: Path | None) -> None:
        self._client, self._policy, self._secrets = client, policy, secrets

    def secret(self, name: str) -> str:
        """The secret of that name, as it is now: a file may be changed at any time. Unavailable without one."""
        if self._secrets is None:
            raise Unavailable("Q2C_SECRETS does not name a folder of secrets")
        if not is_identifier(name):
            raise Unavailable("a secret's name is 1 to 64 letters, digits, _ or -")
        try:
            text = (self._secrets / name).read_text().strip()
        except (OSError, UnicodeDecodeError):
            raise Unavailable(f"there is no secret {name} in the folder that Q2C_SECRETS names") from None
        if not text:
            raise Unavailable(f"the secret {name} is empty")
        return text

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The answer, whatever its status; redirects are not followed. Unavailable or InDoubt without one."""
        return await self.request("POST", url, body, headers)

    async def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        return await self.request("GET", url, b"", headers)

    async def request(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            target = httpx.URL(url)
        except httpx.InvalidURL:
            raise Unavailable("the address is not one") from None
        if target.scheme not in ("http", "https") or not target.host or target.userinfo:
            raise Unavailable("only http and https addresses without user and password are called")
        # The address that was checked is the address that is called: a name could mean another a moment later.
        checked = target.copy_with(host=await self._resolve(target))
        host = target.netloc.decode("ascii")
        try:
            async with self._client.stream(
                method,
                checked,
                content=body,
                headers={**headers, "host": host},
                extensions={"sni_hostname": target.raw_host.decode("ascii")},
            ) as response:
                received = b""
                async for part in response.aiter_raw():
                    received += part[: MOST - len(received)]
                    if len(received) >= MOST:
                        break
                return Answer(response.status_code, dict(response.headers), received)
        except _NOT_SENT as problem:
            raise Unavailable(f"{target.host} cannot be reached ({type(problem).__name__})") from None
        except httpx.HTTPError as problem:
            raise InDoubt(f"{target.host} did not answer ({type(problem).__name__})") from None

    async def _resolve(self, target: httpx.URL) -> str:
        """One address of the host, all of which are allowed."""
        if not self._policy.allows(target.host):
            raise Unavailable(f"{target.host} is not among the hosts that Q2C_OUTSIDE allows")
        port = target.port or (443 if target.scheme == "https" else 80)
        try:
            with anyio.fail_after(_CONNECTS_WITHIN):
                found = await anyio.getaddrinfo(target.host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError, TimeoutError):
            raise Unavailable(f"{target.host} has no address") from None
        addresses = [str(place[0]) for *_, place in found]
        if not addresses or not all(self._policy.allows_address(address) for address in addresses):
            raise Unavailable(f"{target.host} is not on the public internet, which Q2C_PRIVATE=refuse asks for")
        return addresses[0]


@asynccontextmanager
async def outside(hosts: Sequence[str], *, private: bool, secrets: Path | None) -> AsyncIterator[Outside]:
    """The outside until the block ends. SSL_CERT_FILE may name whom to trust; no proxy of the environment is used."""
    # How long a call may take as a whole is the worker's patience.
    limits = httpx.Timeout(None, connect=_CONNECTS_WITHIN, pool=_CONNECTS_WITHIN)
    plain = {"user-agent": "q2c-mesh", "accept-encoding": "identity"}
    async with httpx.AsyncClient(
        headers=plain,
        verify=httpx.create_ssl_context(),
        timeout=limits,
        follow_redirects=False,
        trust_env=False,
    ) as client:
        yield Outside(client, Policy(tuple(hosts), private), secrets)


__all__ = ["Answer", "Failure", "InDoubt", "Outside", "Policy", "Unavailable", "outside"]
