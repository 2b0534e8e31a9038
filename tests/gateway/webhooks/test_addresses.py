"""Where webhooks may not go: 100 spellings of inside, names that change their mind, and a canary that hears nothing."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.webhooks.delivery.addresses import AddressRefused, Rules, check, parse
from gateway.webhooks.delivery.transport import Caps, NotDelivered, Transport
from tests.one_database import database_url  # noqa: F401

PUBLIC = Rules()
REFUSED = """
http://shop.example/hooks
ftp://shop.example/hooks
file:///etc/passwd
gopher://shop.example/
javascript:alert(1)
//shop.example/hooks
shop.example/hooks
https:shop.example
https:///hooks
https://
https://:443/
https://user@shop.example/
https://user:password@shop.example/
https://shop.example@127.0.0.1/
https://127.0.0.1#@shop.example/
https://shop.example#fragment
https://shop.example\\@127.0.0.1/
https://shop.example:8443/hooks
https://shop.example:80/
https://shop.example:22/
https://shop.example:0/
https://shop.example:99999999/
https://shop.example:443:443/
https://shop.example:/
https://localhost/
https://localhost.localdomain
https://intranet/
https://127.0.0.1/
https://127.1/
https://127.0.1/
https://127.255.255.254/
https://0.0.0.0/
https://0/
https://0x7f.0.0.1/
https://0x7f000001/
https://0177.0.0.1/
https://00000177.0.0.1/
https://2130706433/
https://017700000001/
https://127.0.0.1./
https://127.0.0.0x1/
https://1.2.3.4.5/
https://256.256.256.256/
https://10.0.0.1/
https://10.255.255.255/
https://172.16.0.1/
https://172.31.255.255/
https://192.168.1.1/
https://100.64.0.1/
https://100.100.100.200/
https://169.254.169.254/latest/meta-data/
https://169.254.0.23/
https://168.63.129.16/
https://192.0.0.192/
https://192.0.2.1/
https://198.18.0.1/
https://198.51.100.1/
https://203.0.113.1/
https://192.88.99.1/
https://224.0.0.1/
https://239.255.255.250/
https://240.0.0.1/
https://255.255.255.255/
https://[::1]/
https://[::]/
https://[::7f00:1]/
https://[::ffff:127.0.0.1]/
https://[::ffff:7f00:1]/
https://[::ffff:169.254.169.254]/
https://[::ffff:10.0.0.1]/
https://[64:ff9b::7f00:1]/
https://[64:ff9b::169.254.169.254]/
https://[64:ff9b:1::a00:1]/
https://[2002:7f00:1::1]/
https://[2002:a9fe:a9fe::]/
https://[2002:c0a8:101::1]/
https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/
https://[fe80::1]/
https://[fe80::1%25eth0]/
https://[fec0::1]/
https://[fc00::1]/
https://[fd00:ec2::254]/
https://[ff02::1]/
https://[100::1]/
https://[2001:db8::1]/
https://[3fff::1]/
https://[5f00::1]/
https://[2001:4860::5efe:10.0.0.1]/
https://[2001:4860::200:5efe:127.0.0.1]/
https://[127.0.0.1]/
https://[::1/
https://[]/
https://１２７.０.０.１/
https://①②⑦.⓪.⓪.①/
https://127。0。0。1/
https://shop_example.com/
https://-shop.example/
https://shop..example/
https://shop.example./
https://shop%2eexample/
https://sh op.example/
https://shop.example/a b
https://shop.example/\x00
https://shop.example/\r\nHost:%20inside
https://shop.example/路
""".strip("\n").split("\n")
REFUSED = [url.replace("\\x00", "\0").replace("\\r\\n", "\r\n") for url in REFUSED]

TAKEN = {
    "https://shop.example/hooks": ("shop.example", "/hooks"),
    "HTTPS://Shop.Example": ("shop.example", "/"),
    "https://shop.example:443/a?b=c&d=%20": ("shop.example", "/a?b=c&d=%20"),
    "https://shop.example?x=1": ("shop.example", "/?x=1"),
    "https://商店.例子/hooks": ("xn--czrs0t.xn--fsqu00a", "/hooks"),
    "https://1.1.1.1/hooks": ("1.1.1.1", "/hooks"),
    "https://[2606:4700::1111]/": ("2606:4700::1111", "/"),
    "https://[64:ff9b::101:101]/": ("64:ff9b::101:101", "/"),
    "https://3.shop.example/": ("3.shop.example", "/"),
    "https://shop.example/@a": ("shop.example", "/@a"),
}


def resolves(answers: dict[str, list[str]]) -> Any:
    """A resolver that knows some names, takes addresses as they are, and reads odd numbers as C libraries do."""

    def resolve(host: str) -> list[str]:
        if host in answers:
            return answers[host]
        if host.replace(".", "").isdigit() or ":" in host:
            return [host]
        return ["127.0.0.1"]

    return resolve


def test_the_list_is_long_enough():
    assert len(REFUSED) == len(set(REFUSED)) > 100


@pytest.mark.parametrize("url", REFUSED)
def test_an_address_inside_or_oddly_spelt_is_refused(url):
    with pytest.raises(AddressRefused):
        Transport(resolves({})).check(url, PUBLIC)


@pytest.mark.parametrize("url", TAKEN)
def test_a_public_address_is_taken_apart_once(url):
    target = parse(url, PUBLIC)
    assert (target.host, target.path) == TAKEN[url]
    assert target.port == 443
    assert check(target, ["1.1.1.1", "2606:4700::1111"], PUBLIC) == ["1.1.1.1", "2606:4700::1111"]


@pytest.mark.parametrize(
    "found",
    [
        ["127.0.0.1"],
        ["1.1.1.1", "10.0.0.1"],
        ["10.0.0.1", "1.1.1.1"],
        ["1.1.1.1", "::1"],
        ["1.1.1.1", "fe80::1%eth0"],
        ["64:ff9b::7f00:1"],
        ["no address"],
        [],
    ],
)
def test_one_private_address_among_public_ones_refuses_the_name(found):
    with pytest.raises(AddressRefused) as refused:
        check(parse("https://shop.example/", PUBLIC), found, PUBLIC)
    assert "10.0.0.1" not in str(refused.value), "what a name resolves to inside is not told"


def test_the_loopback_is_for_development_only():
    local = Rules(local=True)
    for url in ("http://127.0.0.1:5000/hooks", "https://localhost:5000/", "http://[::1]:80/"):
        assert check(parse(url, local), ["127.0.0.1", "::1"], local) == ["127.0.0.1", "::1"]
    for url, found in (
        ("http://shop.example/", "1.1.1.1"),
        ("https://shop.example:8443/", "1.1.1.1"),
        ("http://router.example/", "192.168.0.1"),
        ("http://meta.example/", "169.254.169.254"),
        ("https://meta.example/", "100.100.100.200"),
    ):
        with pytest.raises(AddressRefused):
            check(parse(url, local), [found], local)


def test_further_ports_are_a_setting():
    rules = Rules(frozenset({443, 8443}))
    assert parse("https://shop.example:8443/", rules).host_header == "shop.example:8443"
    with pytest.raises(AddressRefused, match=r"443, 8443"):
        parse("https://shop.example:9000/", rules)


def test_no_spelling_reaches_the_canary(sink):
    """The canary listens on the loopback; every spelling resolves there, and its own port is even allowed."""
    rules = Rules(frozenset({443, sink.port}))
    line_to = Transport(resolves({}), caps=Caps(connect=0.2, total=0.3)).line
    for url in REFUSED:
        for spelt in (url, url.replace("/hooks", f":{sink.port}/hooks")):
            with line_to(spelt, rules) as line, pytest.raises(NotDelivered):
                line.post({}, b"{}")
    for host in ("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "2130706433", "inside.example"):
        with line_to(f"https://{host}:{sink.port}/", rules) as line, pytest.raises(NotDelivered) as refused:
            line.post({}, b"{}")
        assert refused.value.kind == "address_refused", host
    assert sink.got == []


def test_a_name_that_changes_its_mind_is_asked_once_and_held_to_it(sink):
    """Rebinding: public when checked, inside when used. There is one look-up, so the second answer is never seen."""
    asked = []

    def rebinding(host: str) -> list[str]:
        asked.append(host)
        return ["192.0.2.1"] if len(asked) % 2 else ["127.0.0.1"]

    transport = Transport(rebinding, caps=Caps(connect=0.2, total=0.3))
    rules = Rules(frozenset({443, sink.port}))
    for _ in range(10):
        with transport.line(f"https://shop.example:{sink.port}/", rules) as line:
            with pytest.raises(NotDelivered) as refused:
                line.post({}, b"{}")
            assert refused.value.kind == "address_refused"
    assert len(asked) == 10
    assert sink.got == []


@pytest.mark.parametrize("mode", ["live", "test"])
def test_registration_refuses_with_a_sentence(app, new_merchant, mode, sink):
    gateway = app.extensions["fenqi"]
    gateway.ports.webhook_transport = Transport(
        resolves({"shop.example": ["1.1.1.1"], "gone.example": [], "inside.example": ["10.0.0.1"]})
    )
    api = new_merchant(mode=mode)
    assert api.post("/v1/webhook_endpoints", {"url": "https://shop.example/hooks"}).status_code == 201
    bad = ["https://inside.example/", "https://gone.example/", "https://10.0.0.1/", "https://a@shop.example/"]
    if mode == "live":
        bad.append(sink.url)
    if mode == "test":
        bad.append("http://shop.example/hooks")
    for url in bad:
        answer = api.post("/v1/webhook_endpoints", {"url": url})
        assert (answer.status_code, answer.json["code"]) == (422, "address_not_allowed"), url
        assert answer.json["param"] == "url"
        assert answer.json["detail"]
    (only,) = api.get("/v1/webhook_endpoints").json["data"]
    assert api.call("PATCH", f"/v1/webhook_endpoints/{only['id']}", {"url": bad[0]}).status_code == 422
    assert api.get(f"/v1/webhook_endpoints/{only['id']}").json["url"] == "https://shop.example/hooks"


def test_a_name_that_moves_inside_after_registration_is_refused_at_delivery(
    app, new_merchant, deliver, sink, clock
):
    gateway, inside = app.extensions["fenqi"], []
    names = {"shop.example": ["1.1.1.1"]}
    gateway.ports.webhook_transport = Transport(resolves(names), caps=Caps(0.2, 0.3))
    api = new_merchant(mode="live")
    endpoint = api.post("/v1/webhook_endpoints", {"url": "https://shop.example/hooks"}).json
    names["shop.example"] = ["127.0.0.1"]
    api.post(f"/v1/webhook_endpoints/{endpoint['id']}/test", {})
    assert deliver() == 1
    (row,) = api.get(f"/v1/webhook_endpoints/{endpoint['id']}/deliveries").json["data"]
    assert row["status"] == "failed"
    assert row["log"][0]["error"].startswith("address_refused")
    assert row["log"][0]["response_status"] is None
    assert sink.got == inside == []
