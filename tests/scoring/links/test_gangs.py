"""Planted gangs are found, families and hubs left in peace: floors on a small world; docs/links.md has the full one."""

from __future__ import annotations

import builtins
import json
from collections import Counter

import pytest

from scoring.cli import main
from scoring.errors import LinksUnavailable
from scoring.links import Edge, Link, LinkSettings, gangs
from scoring.links.batch import LinkBatch
from scoring.links.edges import DAY
from scoring.links.gangs import measure_gangs
from scoring.links.world import RING, SPLIT, START, make_world


@pytest.fixture(scope="module")
def measured():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gangs, "BOOTSTRAPS", 50)  # the intervals are not looked at here
        return measure_gangs(6_000, 40, seed=3)


def test_gangs_are_found_by_the_time_the_first_instalment_falls_due(measured):
    later = measured["model"]["30_days_later"]
    assert later["recall"] >= 0.80
    assert later["false_positive_rate"] <= 0.01
    assert later["rings_with_half_caught"] >= 0.90


def test_half_of_a_gang_is_found_as_it_applies_and_never_more_than_is_linked(measured):
    for look, found in measured["model"].items():
        assert found["recall"] <= measured["linked"][look]
    assert measured["model"]["at_application"]["recall"] >= 0.50
    assert measured["model"]["3_days_later"]["recall"] >= 0.60


def test_families_are_left_in_peace(measured):
    for look in measured["model"].values():
        assert look["family_false_alarms"] <= 0.02
    for look in measured["rules_alone"].values():
        assert look["family_false_alarms"] <= 0.01
        assert look["false_positive_rate"] <= 0.01


def test_a_world_comes_again_from_its_seed_and_no_ring_is_in_both_parts():
    cases = make_world(800, 6, seed=5)
    assert cases == make_world(800, 6, seed=5)
    assert cases != make_world(800, 6, seed=6)
    assert [case.at for case in cases] == sorted(case.at for case in cases)
    parts = {}
    for case in cases:
        if case.role == RING:
            parts.setdefault(case.group, set()).add(case.at >= START + SPLIT * DAY)
    assert len(parts) == 6
    assert all(len(sides) == 1 for sides in parts.values())


def test_who_is_in_a_ring_shares_something_with_it():
    cases = [case for case in make_world(100, 20, seed=9) if case.role == RING]
    for case in cases:
        assert any(f" of {case.group} " in link.value for link in case.links)
    devices = Counter(link.value for case in cases for link in case.links if link.kind == "device")
    assert max(devices.values()) < 12  # no device betrays the whole ring


def test_the_command_prints_json(capsys):
    assert main(["gangs", "--applicants", "800", "--rings", "12", "--batch", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert set(shown["model_with_batch"]) == {"at_application", "3_days_later", "30_days_later"}


def two_groups():
    ring = [Edge(f"r{n}", Link("card", "shared"), n) for n in range(6)]
    crowd = [Edge(f"s{n}", Link("address", "dormitory"), n) for n in range(40)]
    return [*ring, *crowd, Edge("single", Link("device", "own"), 9)]


def test_a_batch_knows_the_community_of_a_ring_and_leaves_hubs_out():
    batch = LinkBatch(two_groups(), {"r0"}, LinkSettings())
    newcomer = batch.features("new", [Link("card", "shared")])
    assert newcomer.community_applicants == 6
    assert newcomer.bad_rank > batch.features("single", [Link("device", "own")]).bad_rank == 0
    assert batch.features("s1", [Link("address", "dormitory")]).community_applicants == 0
    assert batch.features("r5", []) == LinkBatch(two_groups(), {"r0"}, LinkSettings()).features("r5", [])


def test_without_the_extra_the_batch_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == "igraph":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(LinksUnavailable, match=r"fenqi-gateway\[links\]"):
        LinkBatch([], set(), LinkSettings())
