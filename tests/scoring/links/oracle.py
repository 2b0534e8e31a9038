"""The features once more, by brute force over a list of edges and labels: slow, and written from the documentation."""

from __future__ import annotations

from scoring.links import WALKED, Edge, Link, LinkFeatures, LinkSettings
from scoring.links.edges import COUNT_CAP, HUB_SAMPLE

HOUR, DAY = 3_600, 86_400
Label = tuple[str, bool, int]


def features(
    edges: list[Edge], labels: list[Label], who: str, links: list[Link], at: int, settings: LinkSettings
) -> LinkFeatures:
    """What may be known at ``at``: later edges and labels are cut off first."""
    seen = [edge for edge in edges if edge.at <= at]
    told = [label for label in labels if label[2] + settings.label_delay_seconds <= at]

    def people(link: Link, since: int, until: int = at) -> set[str]:
        return {e.applicant for e in seen if e.link == link and since < e.at <= until}

    def is_bad(applicant: str) -> bool:
        known = [(when, bad) for name, bad, when in told if name == applicant]
        return bool(known) and max(known)[1]

    def most(kind: str, window: int) -> int | None:
        counts = [len(people(link, at - window) | {who}) for link in links if link.kind == kind]
        return min(COUNT_CAP, max(counts)) if counts else None

    def is_new(applicant: str, window: int = DAY) -> bool:
        return all(e.at > at - window for e in seen if e.applicant == applicant)

    walk = at - settings.walk_seconds

    def used(applicant: str) -> set[Link]:
        found = {e.link for e in seen if e.applicant == applicant and e.at > walk}
        return {link for link in found if link.kind in WALKED} if len(found) <= settings.hub_size else set()

    def leads_to(link: Link) -> set[str]:
        found = people(link, walk)
        return found if len(found) <= settings.hub_size else set()

    starts = {link for link in links if link.kind in WALKED} | used(who)
    neighbours = set().union(*map(leads_to, starts)) - {who} if starts else set()
    group, level = {who}, neighbours
    while level:
        group |= set(sorted(level)[: settings.component_cap - len(group)])
        if len(group) >= settings.component_cap:
            break
        level = {other for one in level for link in used(one) for other in leads_to(link)} - group

    def sharing_kind(kind: str) -> set[str]:
        return {other for link in starts if link.kind == kind for other in leads_to(link)}

    def smooth(bad: int, of: int) -> float:
        return (bad + settings.prior_bad_share * settings.prior_weight) / (of + settings.prior_weight)

    def is_hub(link: Link) -> bool:
        return link.kind in WALKED and len(people(link, walk)) > settings.hub_size

    def hub_share(link: Link) -> float:
        sightings = sorted((e for e in seen if e.link == link and e.at > walk), key=lambda e: e.at)
        others = {e.applicant for e in sightings[-HUB_SAMPLE:]} - {who}
        return smooth(sum(map(is_bad, others)), len(others))

    at_home = sharing_kind("address").union(*(people(link, walk) for link in links if link.kind == "address"))
    strangers = group - at_home - {who}
    devices = [link for link in links if link.kind == "device"]
    month = at - 30 * DAY
    sharing = {who}.union(*(people(device, month) for device in devices))
    homes = [people(link, month) | {who} for link in links if link.kind == "address"]
    bad = sum(map(is_bad, neighbours))
    return LinkFeatures(
        device_applicants_1h=most("device", HOUR),
        device_applicants_24h=most("device", DAY),
        device_applicants_30d=most("device", 30 * DAY),
        phone_applicants_24h=most("phone", DAY),
        phone_applicants_30d=most("phone", 30 * DAY),
        address_applicants_1h=most("address", HOUR),
        address_applicants_24h=most("address", DAY),
        address_applicants_30d=most("address", 30 * DAY),
        card_applicants_1h=most("card", HOUR),
        card_applicants_24h=most("card", DAY),
        card_applicants_30d=most("card", 30 * DAY),
        referrer_applicants_24h=most("referrer", DAY),
        device_new_applicants_24h=max(
            (sum(map(is_new, people(device, at - DAY) | {who})) for device in devices), default=None
        ),
        device_is_hub=any(len(people(d, month, at - DAY)) > settings.hub_size for d in devices),
        device_is_household=len(sharing) > 1 and any(sharing <= home and len(home) <= 4 for home in homes),
        neighbours=len(neighbours),
        neighbours_known_bad=bad,
        neighbours_known_bad_share=smooth(bad, len(neighbours)),
        device_strangers=len(sharing_kind("device") - at_home - {who}),
        card_strangers=len(sharing_kind("card") - at_home - {who}),
        component_applicants=len(group),
        component_known_bad=sum(map(is_bad, group - {who})),
        component_strangers=len(strangers),
        component_new_strangers_7d=sum(is_new(one, 7 * DAY) for one in strangers),
        component_new_strangers_30d=sum(is_new(one, 30 * DAY) for one in strangers),
        hub_known_bad_share=max(map(hub_share, filter(is_hub, links)), default=smooth(0, 0)),
    )
