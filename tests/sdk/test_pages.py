"""Lists: walking on, stopping, counting."""

from __future__ import annotations

from typing import Any

import flask
import pytest
from stories import opened

import fenqi
from fenqi import Fenqi
from fenqi.testing import FakeGateway, wsgi_session


def listing(pages: dict[str | None, dict[str, Any]], asked: list[dict[str, str]]) -> Fenqi:
    """A client of a gateway that knows one list, given by cursor."""
    app = flask.Flask("lists")

    @app.get("/v1/payments")
    def payments() -> Any:
        asked.append(flask.request.args.to_dict())
        return {"object": "list", **pages[flask.request.args.get("cursor")]}

    return Fenqi(
        access_token="t", base_url="http://lists.test", session=wsgi_session(app, "http://lists.test")
    )


def rows(*ids: str) -> list[dict[str, str]]:
    return [{"id": id, "object": "payment"} for id in ids]


def test_iterating_walks_all_pages_with_the_same_filters() -> None:
    asked: list[dict[str, str]] = []
    client = listing(
        {
            None: {"data": rows("a", "b"), "has_more": True, "next_cursor": "2"},
            "2": {"data": [], "has_more": True, "next_cursor": "3"},
            "3": {"data": rows("c"), "has_more": False, "next_cursor": None},
        },
        asked,
    )
    page = client.payments.list(merchant_reference="order-1", page_size=2)
    assert [payment.id for payment in page.data] == ["a", "b"]
    assert (page.has_more, page.next_cursor) == (True, "2")
    assert len(asked) == 1
    assert [payment.id for payment in page] == ["a", "b", "c"]
    assert [len(one.data) for one in page.pages()] == [2, 0, 1]
    assert all(params["merchant_reference"] == "order-1" and params["limit"] == "2" for params in asked)


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        ({"data": rows("b"), "has_more": True, "next_cursor": "1"}, "repeats the cursor '1'"),
        ({"data": rows("b"), "has_more": True, "next_cursor": None}, "gives no cursor"),
        ({"data": rows("b"), "has_more": True}, "gives no cursor"),
        ({"data": rows("b")}, "expected a list"),
        ({"data": rows("b"), "has_more": True, "next_cursor": 2}, "expected a list"),
    ],
)
def test_list_that_is_not_whole_raises_and_never_ends_as_if_it_were(
    second: dict[str, Any], sentence: str
) -> None:
    first = {"data": rows("a"), "has_more": True, "next_cursor": "1"}
    client = listing({None: first, "1": second}, [])
    told = []
    with pytest.raises(fenqi.UnexpectedResponseError, match=sentence):
        told.extend(payment.id for payment in client.payments.list())
    assert told == (["a"] if sentence == "expected a list" else ["a", "b"])
    with pytest.raises(fenqi.UnexpectedResponseError, match=sentence):
        list(client.payments.list(cursor="1"))


def test_cursors_that_go_round_raise() -> None:
    def leading(following: str) -> dict[str, Any]:
        return {"data": rows(f"before-{following}"), "has_more": True, "next_cursor": following}

    client = listing({None: leading("1"), "1": leading("2"), "2": leading("1")}, [])
    with pytest.raises(fenqi.UnexpectedResponseError, match="repeats the cursor '1'"):
        list(client.payments.list())
    assert [payment.id for payment in client.payments.list(limit=3)] == ["before-1", "before-2", "before-1"]


def test_limit_counts_over_all_pages(client: Fenqi, gateway: FakeGateway) -> None:
    made = [opened(client).id for _ in range(7)][::-1]
    assert [one.id for one in client.checkouts.list(limit=5, page_size=3)] == made[:5]
    assert [request.params["limit"] for request in gateway.requests[-2:]] == ["3", "2"]
    assert [one.id for one in client.checkouts.list(limit=2)] == made[:2]
    assert gateway.requests[-1].params["limit"] == "2"
    assert len(list(client.checkouts.list(limit=500))) == 7
    assert gateway.requests[-1].params["limit"] == "100"


def test_gateway_that_ignores_limit_is_cut_short() -> None:
    client = listing({None: {"data": rows("a", "b", "c"), "has_more": True, "next_cursor": "2"}}, [])
    assert [payment.id for payment in client.payments.list(limit=2)] == ["a", "b"]


@pytest.mark.parametrize("limit", [0, -1])
def test_limit_below_one_is_refused(client: Fenqi, limit: int) -> None:
    with pytest.raises(ValueError, match="limit"):
        client.payments.list(limit=limit)


def test_answer_that_is_no_list_is_unexpected() -> None:
    for content in ({}, {"data": {}}, {"data": ["a"]}):
        with pytest.raises(fenqi.UnexpectedResponseError, match="list"):
            listing({None: content}, []).payments.list()


def test_events_after_one_are_walked_oldest_first_to_the_end(client: Fenqi, gateway: FakeGateway) -> None:
    for _ in range(5):
        gateway.shopper(opened(client).id).decline()
    ids = [event.id for event in gateway.events]
    assert [event.id for event in client.events.list(after=ids[0], page_size=2)] == ids[1:]
    assert [event.id for event in client.events.list(after=ids[0], limit=3, page_size=2)] == ids[1:4]
    assert [event.id for event in client.events.list(page_size=2)] == ids[::-1]


def test_follower_gives_what_happens_from_now_on_in_order(client: Fenqi, gateway: FakeGateway) -> None:
    gateway.shopper(opened(client).id).decline()
    follower = client.events.follow()
    transport = follower._events._client._transport
    transport.sleep = lambda seconds: gateway.shopper(opened(client).id).decline()  # type: ignore[assignment]
    told = [next(follower) for _ in range(3)]
    assert [event.id for event in told] == [event.id for event in gateway.events][1:4]
    assert follower.cursor == told[-1].id


def test_follower_goes_on_where_it_was_after_an_error(client: Fenqi, gateway: FakeGateway) -> None:
    first = opened(client)
    gateway.shopper(first.id).decline()
    gateway.shopper(opened(client).id).approve()
    follower = client.with_options(max_retries=0).events.follow(after=gateway.events[0].id)
    gateway.fail_next(503)
    with pytest.raises(fenqi.ServerError):
        next(follower)
    assert [next(follower).type, next(follower).type] == ["checkout.approved", "payment.authorized"]


def test_follower_begun_before_anything_happened(client: Fenqi, gateway: FakeGateway) -> None:
    follower = client.events.follow()
    transport = follower._events._client._transport
    transport.sleep = lambda seconds: gateway.shopper(opened(client).id).approve()  # type: ignore[assignment]
    assert [next(follower).type, next(follower).type] == ["checkout.approved", "payment.authorized"]


def test_raw_request_walks_lists_too(client: Fenqi) -> None:
    made = [opened(client).id for _ in range(5)][::-1]
    page = client.request("GET", "/v1/checkouts", params={"limit": 2})
    assert isinstance(page, fenqi.Page)
    assert [checkout.id for checkout in page] == made
    assert isinstance(page.data[0], fenqi.Checkout)
