"""The index beside a brute-force oracle, and what it must never do: look ahead, walk through a hub, grow for ever."""

from __future__ import annotations

from dataclasses import fields
from math import isnan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.links import KINDS, Edge, Link, LinkFeatures, LinkIndex, LinkSettings, rules
from scoring.links.row import ROW_NAMES, row
from tests.scoring.links import oracle

HOUR, DAY = 3_600, 86_400
START = 1_795_000_000
SMALL = LinkSettings(hub_size=3, component_cap=5, label_delay_seconds=2 * DAY)
LINKS = [Link(kind, value) for kind in KINDS for value in "xyz"]
PEOPLE = [f"p{number}" for number in range(9)]

moments = st.one_of(
    st.integers(0, 4 * DAY),
    st.integers(0, 100).map(lambda days: days * DAY),
    st.integers(0, 48).map(lambda h: h * HOUR),
).map(lambda seconds: START + seconds)
edges = st.builds(Edge, st.sampled_from(PEOPLE), st.sampled_from(LINKS), moments)
labels = st.tuples(st.sampled_from(PEOPLE), st.booleans(), moments)


def fed(some_edges, some_labels=(), limits=None):
    index = LinkIndex(limits)
    for edge in some_edges:
        index.observe(edge)
    for label in some_labels:
        index.label(*label)
    return index


@settings(max_examples=400, deadline=None)
@given(
    st.lists(edges, max_size=60),
    st.lists(labels, max_size=8),
    st.sampled_from(PEOPLE),
    st.lists(st.sampled_from(LINKS), max_size=6, unique=True),
    moments,
    st.booleans(),
)
def test_an_answer_equals_that_of_all_edges_up_to_the_moment_counted_by_hand(
    some_edges, some_labels, who, links, at, in_order
):
    if in_order:
        some_edges = sorted(some_edges, key=lambda edge: edge.at)
    index = fed(some_edges, some_labels, SMALL)
    wanted = oracle.features(some_edges, some_labels, who, links, at, SMALL)
    assert index.features(who, links, at) == wanted


@settings(max_examples=100, deadline=None)
@given(st.lists(edges, max_size=40), st.lists(labels, max_size=8), moments, st.sampled_from(PEOPLE))
def test_what_comes_later_does_not_change_an_answer_about_the_past(some_edges, some_labels, at, who):
    early = fed(
        [edge for edge in some_edges if edge.at <= at],
        [label for label in some_labels if label[2] + SMALL.label_delay_seconds <= at],
        SMALL,
    )
    assert fed(some_edges, some_labels, SMALL).features(who, LINKS, at) == early.features(who, LINKS, at)


@settings(max_examples=100, deadline=None)
@given(st.lists(edges, max_size=40), st.sampled_from(PEOPLE), moments, moments)
def test_forgetting_is_as_if_it_had_never_been_seen(some_edges, gone, before, at):
    index = fed(some_edges, [(gone, True, START)], SMALL)
    index.forget_applicants([gone])
    index.forget(before)
    left = [edge for edge in some_edges if edge.applicant != gone and edge.at >= before]
    assert len(index) == len(left)
    for who in PEOPLE[:3]:
        assert index.features(who, LINKS, at) == fed(left, (), SMALL).features(who, LINKS, at)


def test_memory_is_bounded_and_the_oldest_arrivals_go_first():
    index = LinkIndex(LinkSettings(max_edges=100))
    for number in range(1_000):
        index.observe(Edge(f"p{number}", Link("device", f"d{number % 7}"), START + number))
    assert len(index) == 100
    assert index.features("new", [Link("device", "d0")], START + 1_000).device_applicants_1h == 1 + 14
    assert len(index._applicants) == 100


def test_a_hub_is_counted_and_not_walked():
    dormitory = Link("address", "dorm")
    index = fed(Edge(f"s{number}", dormitory, START + number * HOUR) for number in range(60))
    found = index.features("s60", [dormitory, Link("device", "own")], START + 60 * HOUR)
    assert found.address_applicants_30d == 30
    assert (found.neighbours, found.component_applicants) == (0, 1)
    assert rules(found) == ()


def test_an_ordinary_link_beside_a_hub_does_not_change_what_the_hub_says():
    hub, own = Link("device", "shop"), Link("device", "own")
    index = fed(Edge(f"s{number}", hub, START) for number in range(60))
    alone = index.features("s0", [hub], START).hub_known_bad_share
    assert alone < LinkIndex().features("s0", [own], START).hub_known_bad_share
    assert index.features("s0", [hub, own], START).hub_known_bad_share == alone


def test_a_label_counts_when_its_delay_is_over():
    card = Link("card", "c")
    index = fed([Edge("a", card, START)], [("a", True, START + DAY)])
    ask = START + 8 * DAY
    assert index.features("b", [card], ask - 1).neighbours_known_bad == 0
    assert index.features("b", [card], ask).neighbours_known_bad == 1
    index.label("a", False, START + 2 * DAY)
    assert index.features("b", [card], ask + DAY).neighbours_known_bad == 0


def test_what_is_not_linked_is_unknown_and_not_zero():
    found = LinkIndex().features("a", [], START)
    assert found.device_applicants_24h is None
    assert found.component_applicants == 1


@pytest.mark.parametrize(
    "wrong", [{"hub_size": 1}, {"hub_size": 29}, {"walk_seconds": 5}, {"component_cap": 0}, {"max_edges": 0}]
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LinkSettings(**wrong)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="shoe"):
        LinkIndex().observe(Edge("a", Link("shoe", "43"), START))


def test_every_feature_but_the_referrer_stands_in_the_row_of_the_model():
    assert sorted([*ROW_NAMES, "referrer_applicants_24h"]) == sorted(
        field.name for field in fields(LinkFeatures)
    )
    index = fed(Edge(f"p{number}", Link("address", "dorm"), START + number) for number in range(40))
    found = dict(
        zip(ROW_NAMES, row(index.features("new", [Link("address", "dorm")], START + 50)), strict=True)
    )
    assert isnan(found["address_applicants_30d"])
    assert isnan(found["card_applicants_30d"])
    assert found["component_applicants"] == 1
