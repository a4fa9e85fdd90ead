"""What is called outside is what may be called, and what goes wrong is told without any secret."""

import asyncio
import io
import ssl
import time
from collections.abc import AsyncIterator
from email.utils import formatdate
from pathlib import Path

import pytest
import trustme

from shared import telemetry
from shared.outside import MOST, Answer, InDoubt, Outside, Policy, Unavailable, outside
from tests.conftest import free_port
from tests.receiver import Receiver, Reply, receiver


@pytest.fixture
async def other_side() -> AsyncIterator[Receiver]:
    async with receiver() as one:
        yield one


@pytest.fixture
async def reach(tmp_path: Path) -> AsyncIterator[Outside]:
    async with outside(("127.0.0.1", "localhost"), private=True, secrets=tmp_path) as there:
        yield there


async def test_what_the_other_side_answers_is_given_back(reach: Outside, other_side: Receiver) -> None:
    other_side.answer = lambda _request: Reply(202, (("Retry-After", "7"),))
    answer = await reach.post(f"{other_side.url}?a=1", b"{}", {"x-name": "v"})
    assert (answer.status, answer.retry_after) == (202, 7.0)
    (request,) = other_side.requests
    assert (request.path, request.body, request.headers["x-name"]) == ("/hooks?a=1", b"{}", "v")
    assert request.headers["host"] == f"127.0.0.1:{other_side.port}"


async def test_a_name_is_resolved_once_and_sent_as_it_was_given(reach: Outside, other_side: Receiver) -> None:
    answer = await reach.post(f"http://localhost:{other_side.port}/hooks", b"", {})
    assert answer.status == 204
    assert other_side.requests[0].headers["host"] == f"localhost:{other_side.port}"


async def test_a_redirect_is_an_answer_and_is_not_followed(reach: Outside, other_side: Receiver) -> None:
    other_side.answer = lambda _request: Reply(307, (("Location", other_side.url + "/elsewhere"),))
    assert (await reach.post(other_side.url, b"{}", {})).status == 307
    assert len(other_side.requests) == 1


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """A certificate authority that is trusted while the test runs."""
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return made


async def call_over_tls(certificate: trustme.LeafCert) -> int:
    """The status that a server with this certificate answers when it is called by the name localhost."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 -\r\nconnection: close\r\n\r\n")
        writer.close()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    server = await asyncio.start_server(take, "127.0.0.1", 0, ssl=context)
    async with server, outside(("localhost",), private=True, secrets=None) as there:
        port = server.sockets[0].getsockname()[1]
        return (await there.post(f"https://localhost:{port}/", b"", {})).status


async def test_a_certificate_is_checked_against_the_name_although_the_address_is_called(authority: trustme.CA) -> None:
    assert await call_over_tls(authority.issue_cert("localhost")) == 204
    with pytest.raises(Unavailable, match="cannot be reached"):
        await call_over_tls(authority.issue_cert("other.example.com"))


async def test_a_host_that_is_not_allowed_is_not_called(other_side: Receiver) -> None:
    async with outside(("*.example.com",), private=True, secrets=None) as there:
        with pytest.raises(Unavailable, match="not among the hosts that Q2C_OUTSIDE allows"):
            await there.post(other_side.url, b"", {})
    assert other_side.requests == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "0.0.0.0"]
)
async def test_an_address_that_is_not_public_is_not_called_unless_allowed(host: str) -> None:
    async with outside(("*",), private=False, secrets=None) as there:
        with pytest.raises(Unavailable, match="not on the public internet"):
            await there.post(f"http://{host}/", b"", {})


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/", "file:///etc/passwd", "http://user:word@127.0.0.1/", "http://", "nonsense"]
)
async def test_only_plain_http_addresses_are_called(url: str, reach: Outside) -> None:
    with pytest.raises(Unavailable, match="only http and https addresses"):
        await reach.post(url, b"", {})


async def test_nobody_there_means_that_nothing_has_happened(reach: Outside) -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        await reach.post(f"http://127.0.0.1:{free_port()}/", b"", {})


async def test_an_answer_that_breaks_off_leaves_a_doubt(reach: Outside) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(InDoubt, match="did not answer"):
            await reach.post(f"http://127.0.0.1:{port}/", b"{}", {})


async def test_no_more_of_an_answer_is_read_than_there_is_room_for(reach: Outside) -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(2 * MOST))
        writer.close()

    server = await asyncio.start_server(flood, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert len((await reach.get(f"http://127.0.0.1:{port}/", {})).body) == MOST


def test_hosts_are_allowed_by_name_or_by_domain() -> None:
    policy = Policy(("api.example.com", "*.example.org"))
    allowed = {
        host: policy.allows(host) for host in ("API.example.com", "x.example.org", "example.org", "badexample.org")
    }
    assert allowed == {"API.example.com": True, "x.example.org": True, "example.org": False, "badexample.org": False}


@pytest.mark.parametrize("text", ["", "soon", "-5", "\u0661"])
def test_a_retry_after_that_says_nothing_asks_for_nothing(text: str) -> None:
    assert Answer(503, {"retry-after": text}, b"").retry_after is None


def test_a_retry_after_may_be_a_date() -> None:
    asked = Answer(503, {"retry-after": formatdate(time.time() + 100, usegmt=True)}, b"").retry_after
    assert asked is not None
    assert 90 < asked <= 100


async def test_a_secret_is_read_anew_each_time(reach: Outside, tmp_path: Path) -> None:
    (tmp_path / "erp").write_text("one\n")
    assert reach.secret("erp") == "one"
    (tmp_path / "erp").write_text("two")
    assert reach.secret("erp") == "two"


@pytest.mark.parametrize("name", ["absent", "../erp", "empty", ""])
async def test_a_secret_that_is_not_there_is_waited_for(name: str, tmp_path: Path) -> None:
    (tmp_path / "erp").write_text("one")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "empty").write_text(" \n")
    async with outside(("*",), private=True, secrets=tmp_path / "in") as there:
        with pytest.raises(Unavailable, match="secret"):
            there.secret(name)


async def test_a_call_is_not_logged_with_its_address(reach: Outside, other_side: Receiver) -> None:
    lines = io.StringIO()
    telemetry.configure("tests", level="debug", stream=lines)
    await reach.post(f"{other_side.url}?token=whsec_1234", b"whsec_1234", {"authorization": "whsec_1234"})
    telemetry.logger("httpx").warning("this would be seen")
    assert "this would be seen" in lines.getvalue()
    assert "whsec_1234" not in lines.getvalue()
