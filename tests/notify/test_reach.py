"""Where a webhook may be aimed."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest
import trustme

from leaver.domain.errors import Unusable
from leaver.notify.post import NotReached, Post
from leaver.notify.reach import Internal, Reach
from receiver import Receiver

INTERNAL = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.3.4",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.1.1",
    "169.254.169.254",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "2002:7f00:1::",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::7f00:1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "2001:db8::1",
]


@pytest.mark.parametrize("text", INTERNAL)
def test_an_internal_address_is_refused(text: str) -> None:
    assert not Reach().allows(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", ["8.8.8.8", "20.190.159.2", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_a_public_address_is_not(text: str) -> None:
    assert Reach().allows(ipaddress.ip_address(text))


def test_an_opened_network_lets_its_own_through_and_never_the_metadata() -> None:
    reach = Reach(networks=[ipaddress.ip_network("169.254.0.0/16"), ipaddress.ip_network("10.1.0.0/16")])

    assert reach.allows(ipaddress.ip_address("10.1.2.3"))
    assert not reach.allows(ipaddress.ip_address("10.2.2.3"))
    assert not reach.allows(ipaddress.ip_address("169.254.169.254"))


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "ftp://hooks.example.com/",
        "https://",
        "https:///x",
        "hooks.example.com",
        "https://user:secret@hooks.example.com/",
        "https://hooks.example.com:99999/",
        "https://hooks.example.com/a b",
        "https://hooks.example.com/\ud800",
        "https://hooks.example.com/\0",
        "https://" + "a" * 64 + ".example/",
        "https://..example/",
        "https://hooks.example.com/\r\nX-Header: 1",
        "https://[::1]/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://a.localhost/",
        "https://[fe80::1%25eth0]/",
        "https://hooks%2eexample.com/",
        "https://" + "a" * 3000,
    ],
)
def test_an_unfit_address_is_refused_before_anything_is_looked_up(url: str) -> None:
    with pytest.raises(Unusable):
        Reach().url(url)


def test_an_address_is_kept_in_ascii() -> None:
    assert Reach().url("https://Bücher.example/ä?a=ü") == "https://xn--bcher-kva.example/%C3%A4?a=%C3%BC"


@pytest.mark.parametrize("host", ["rebind.example", "2130706433", "0x7f.1", "127.1"])
async def test_a_name_of_an_internal_address_is_not_connected_to(receiver: Receiver, host: str) -> None:
    async def lies(_: str, __: int) -> Sequence[str]:
        return ["8.8.8.8", "127.0.0.1"]

    post = Post(Reach(http=True), resolve=lies)

    with pytest.raises(Internal):
        await post.send(f"http://{host}:{receiver.port}/", {}, b"{}")

    assert receiver.received == []
    await post.aclose()


TURNED = [
    "127.0.0.1",
    "169.254.169.254",
    "10.0.0.1",
    "::1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
]


@pytest.mark.parametrize("turned", TURNED)
async def test_a_name_that_has_turned_inwards_is_not_connected_to(receiver: Receiver, turned: str) -> None:
    async def rebinds(_: str, __: int) -> Sequence[str]:
        return [turned]

    post = Post(Reach(http=True), resolve=rebinds)

    with pytest.raises(Internal):
        await asyncio.wait_for(post.send(f"http://hooks.example:{receiver.port}/", {}, b"{}"), 2)

    assert receiver.received == []
    await post.aclose()


async def test_a_redirect_is_not_followed_wherever_it_leads(receiver: Receiver) -> None:
    for where in (f"http://127.0.0.1:{receiver.port}/inner", "http://169.254.169.254/latest", "//hooks.example/"):
        receiver.answers = [f"307 Temporary Redirect\r\nLocation: {where}"]
        post = Post(Reach(http=True, networks=[ipaddress.ip_network("127.0.0.0/8")]))
        assert (await post.send(receiver.url, {}, b"{}")).status == 307
        await post.aclose()

    assert [item.path for item in receiver.received] == ["/hook?token=not-for-eyes"] * 3


async def test_a_name_that_answers_differently_the_second_time_gains_nothing(receiver: Receiver) -> None:
    asked = []

    async def rebinds(host: str, _: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    post = Post(Reach(http=True, networks=[ipaddress.ip_network("127.0.0.0/8")]), resolve=rebinds)
    answered = await post.send(f"http://hooks.example:{receiver.port}/", {}, b"{}")

    assert answered.status == 200
    assert asked == ["hooks.example"]
    assert receiver.received[0].headers["host"] == f"hooks.example:{receiver.port}"
    await post.aclose()


async def test_what_does_not_answer_is_left_after_a_while(receiver: Receiver) -> None:
    receiver.silent = True
    post = Post(Reach(http=True, networks=[ipaddress.ip_network("127.0.0.0/8")]), wait=0.2)

    with pytest.raises(NotReached, match="did not answer"):
        await post.send(receiver.url, {}, b"{}")

    await post.aclose()


async def test_the_configuration_of_a_proxy_is_not_followed(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    post = Post(Reach(http=True, networks=[ipaddress.ip_network("127.0.0.0/8")]))

    answered = await post.send(receiver.url, {}, b"{}")

    assert answered.status == 200
    await post.aclose()


async def _here(_: str, __: int) -> Sequence[str]:
    return ["127.0.0.1"]


@pytest.mark.parametrize(("name", "fits"), [("hooks.example", True), ("other.example", False)])
async def test_the_certificate_must_be_that_of_the_name_although_the_address_was_chosen(
    receiver: Receiver, tmp_path: Path, name: str, fits: bool
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("hooks.example").configure_cert(context)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    reach = Reach(networks=[ipaddress.ip_network("127.0.0.0/8")])
    post = Post(reach, ca_file=tmp_path / "ca.pem", resolve=_here)
    strict = Post(reach, resolve=_here)

    if fits:
        assert (await post.send(f"https://{name}:{port}/", {}, b"{}")).status == 200
    else:
        with pytest.raises(NotReached, match="ertificate"):
            await post.send(f"https://{name}:{port}/", {}, b"{}")
    with pytest.raises(NotReached, match="ertificate"):
        await strict.send(f"https://{name}:{port}/", {}, b"{}")

    assert len(receiver.received) == fits
    server.close()
    await post.aclose()
    await strict.aclose()
