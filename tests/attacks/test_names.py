"""Name servers and certificates that lie."""

import asyncio
import datetime
from collections.abc import Sequence

import pytest
import trustme

from app.fetch import Fetcher, Guard, Manners, Refused, TlsFailed
from app.fetch import guard as guard_module
from app.fetch.addresses import refusal
from tests.app.fetch.certificates import server_of, trusting
from tests.app.fetch.conftest import PAGE, Site, answer

pytestmark = pytest.mark.anyio

ALONE = Manners(robots=False)


async def test_a_name_that_moves_inside_is_not_followed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """127.0.0.1 stands in for the open web. Each connection has a lookup of its own, whose every answer is checked."""
    monkeypatch.setattr(guard_module, "refusal", lambda found: None if found == "127.0.0.1" else refusal(found))
    site.answers["/"] = answer(PAGE, "text/html", "connection: close")
    answers = iter([["127.0.0.1"], ["127.0.0.2"], ["127.0.0.1", "10.0.0.1"], ["127.0.0.1"]])
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return next(answers)

    guard = Guard(ports=frozenset({site.port}), resolver=rebinding)
    async with Fetcher(guard, manners=ALONE) as fetcher:
        url = f"http://rebind.example:{site.port}/"
        assert PAGE == (await fetcher.fetch(url)).html
        for _ in range(2):
            with pytest.raises(Refused, match="is not on the open web"):
                await fetcher.fetch(url)
        assert PAGE == (await fetcher.fetch(url)).html
    assert (4, 2) == (len(asked), site.connections)


YESTERDAY = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)


@pytest.mark.parametrize(
    ("name", "until", "known", "problem"),
    [
        ("other.example", None, True, "Hostname mismatch"),
        ("page.example", YESTERDAY, True, "certificate has expired"),
        ("page.example", None, False, "unable to get local issuer certificate"),
    ],
    ids=["another-name", "expired", "unknown-signer"],
)
async def test_a_certificate_that_proves_nothing_is_refused(
    name: str, until: datetime.datetime | None, known: bool, problem: str
) -> None:
    """Before anything is sent, and the error says what is wrong with it."""
    sent: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent.append(await reader.read())
        writer.close()

    authority = trustme.CA()
    verify = trusting(authority if known else trustme.CA())
    server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=server_of(authority, name, until=until))
    port = server.sockets[0].getsockname()[1]

    async def to_loopback(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    guard = Guard(allowed_hosts=frozenset({"page.example"}), resolver=to_loopback)
    async with server, Fetcher(guard, manners=ALONE, verify=verify) as fetcher:
        with pytest.raises(TlsFailed, match=f"^TLS failed: .*{problem}"):
            await fetcher.fetch(f"https://page.example:{port}/")
    assert [] == [data for data in sent if data]
