"""The shop's addresses in their canonical form: what is made of them ends no header, no policy and no link."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.return_address import NotAnAddress, canonical, origin, with_checkout


@pytest.mark.parametrize(
    ("given_as", "kept_as"),
    [
        ("https://shop.example", "https://shop.example/"),
        ("HTTPS://Shop.Example:443/Return?Order=7", "https://shop.example/Return?Order=7"),
        ("http://127.0.0.1:8400/return", "http://127.0.0.1:8400/return"),
        ("http://[0:0::1]:80/", "http://[::1]/"),
        (
            "https://商店.example:8443/返回?x=订单&y=%41",
            "https://xn--czrs0t.example:8443/%E8%BF%94%E5%9B%9E?x=%E8%AE%A2%E5%8D%95&y=%41",
        ),
        ("https://shop.example/?", "https://shop.example/"),
        ("https://shop.example:/a;b=c'd", "https://shop.example/a;b=c'd"),
    ],
)
def test_one_form_for_one_address(given_as, kept_as):
    assert canonical(given_as) == kept_as
    assert canonical(kept_as) == kept_as


@pytest.mark.parametrize(
    "text",
    [
        "", "shop.example", "//shop.example/", "ftp://shop.example/", "javascript:alert(1)", "https:///x", "https://",
        "https://shop.example:99999/cart", "https://shop.example:0/", "https://shop.example:x/",
        "https://user@shop.example/", "https://user:pass@shop.example/", "https://shop.example/#top",
        "https://shop.example;script-src *", "https://shop.example,evil.example/", "https://shop.example/a b",
        "https://shop.example/\r\nSet-Cookie: a=b", "https://shop.example/\u202e", "https://a..b/", "https://-a-/",
        "https://[::1", "https://[fe80::1%25eth0]/", "https://shop.example/{x}", "https://" + "a" * 64 + ".example/",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_words(text):
    with pytest.raises(NotAnAddress, match="Must "):
        canonical(text)


@given(
    st.text(max_size=60) | st.builds("https://{}/{}?{}".format, st.text(max_size=20), st.text(), st.text())
)
def test_whatever_is_kept_is_plain_and_stays_as_it_is(text):
    try:
        kept = canonical(text)
    except NotAnAddress:
        return
    assert canonical(kept) == kept
    assert kept.isascii()
    assert kept.isprintable()
    assert not set(kept) & set(' <>"\\^`{|}#')
    assert not set(origin(kept)) & set(";, '")


def test_checkout_is_added_to_the_query_that_is_there():
    assert with_checkout("https://shop.example", "chk_1") == "https://shop.example/?checkout=chk_1"
    assert with_checkout("https://shop.example/r?o=7", "chk_1") == "https://shop.example/r?o=7&checkout=chk_1"
