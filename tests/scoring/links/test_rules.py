"""Three new applicants on one device are looked at; families and hubs are not."""

from __future__ import annotations

from scoring.links import RULES, Edge, Link, LinkIndex, rules

HOUR, DAY = 3_600, 86_400
START = 1_795_000_000
DEVICE, HOME, CARD = Link("device", "d"), Link("address", "home"), Link("card", "c")


def fired(history, who, links, at):
    index = LinkIndex()
    for edge in history:
        index.observe(edge)
    return rules(index.features(who, links, at))


def own(name):
    return Link("address", f"home of {name}")


def test_the_third_new_applicant_on_a_device_is_reviewed():
    first = [Edge(name, link, START) for name in "ab" for link in (DEVICE, own(name))]
    assert fired(first, "c", [DEVICE, own("c")], START + HOUR) == ("new_applicants_on_device",)
    assert fired(first[:2], "c", [DEVICE, own("c")], START + HOUR) == ()
    assert fired(first, "c", [DEVICE, own("c")], START + 2 * DAY) == ()


def test_known_customers_on_one_device_are_no_new_applicants():
    known = [Edge(name, own(name), START - 40 * DAY) for name in "ab"]
    today = [Edge(name, DEVICE, START) for name in "ab"]
    assert fired(known + today, "c", [DEVICE, own("c")], START + HOUR) == ()


def test_a_family_of_four_on_one_tablet_with_one_card_in_one_evening_is_a_household():
    family = [Edge(name, link, START) for name in "abc" for link in (DEVICE, HOME, CARD)]
    assert fired(family, "d", [DEVICE, HOME, CARD], START + HOUR) == ()


def test_a_gang_that_ships_to_one_address_is_no_household():
    gang = [Edge(name, link, START) for name in "abcd" for link in (DEVICE, HOME)]
    assert "new_applicants_on_device" in fired(gang, "e", [DEVICE, HOME], START + HOUR)


def test_a_shop_tablet_of_many_weeks_may_have_new_applicants():
    history = [Edge(f"customer {n}", DEVICE, START - 20 * DAY + n * HOUR) for n in range(24 * 20)]
    assert fired(history, "c", [DEVICE, own("c")], START) == ()


def test_many_people_at_once_on_a_device_do_not_make_it_a_hub():
    farm = [Edge(f"p{n}", DEVICE, START + n) for n in range(50)]
    assert "new_applicants_on_device" in fired(farm, "c", [DEVICE], START + HOUR)


def test_everybody_of_one_company_comes_by_the_same_referrer():
    shop = Link("referrer", "canteen")
    history = [Edge(f"p{n}", shop, START + n) for n in range(50)]
    assert fired(history, "c", [shop], START + HOUR) == ()


def test_two_known_bads_nearby_and_a_card_of_five_are_reviewed():
    index = LinkIndex()
    for name in "abcd":
        index.observe(Edge(name, CARD, START))
    index.label("a", True, START)
    later = START + 8 * DAY
    assert rules(index.features("e", [CARD], later)) == ("many_applicants_on_card",)
    index.label("b", True, START)
    assert rules(index.features("e", [CARD], later)) == ("many_applicants_on_card", "linked_to_known_bad")


def test_a_hub_full_of_known_bads_is_no_cover():
    index = LinkIndex()
    for n in range(40):
        index.observe(Edge(f"p{n}", DEVICE, START + n * HOUR))
        index.label(f"p{n}", n % 3 == 0, START + 3 * DAY)
    assert "hub_with_known_bad" in rules(index.features("c", [DEVICE], START + 12 * DAY))


def test_every_rule_has_its_sentence():
    assert all(RULES.values())
