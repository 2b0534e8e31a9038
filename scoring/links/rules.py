"""Rules on links: each a code, pure functions of the features. All of them ask for a review, none for a decline."""

from __future__ import annotations

from typing import Final

from scoring.links.edges import LinkFeatures

NEW_APPLICANTS: Final = 3
CARD_APPLICANTS: Final = 5
KNOWN_BAD: Final = 2
GROUP: Final = 8
HUB_SHARE: Final = 0.2

RULES: Final[dict[str, str]] = {
    "new_applicants_on_device": "three new applicants on one device within 24 hours",
    "many_applicants_on_card": "five applicants with one card within 30 days",
    "linked_to_known_bad": "two neighbours are known to be bad",
    "group_with_known_bad": "a group of eight, one of whom is known to be bad",
    "hub_with_known_bad": "a fifth of a hub's newest applicants are known to be bad",
}
"""What each code says. A shopper never sees one."""


def rules(features: LinkFeatures) -> tuple[str, ...]:
    """The codes of the rules that ask for a review, in the order of ``RULES``.

    A settled hub (a shop's tablet) and a household (at most four people with one device and one address) may have new
    applicants; a person with one known bad at home stays unmarked.
    """
    f = features
    fired = {
        "new_applicants_on_device": (f.device_new_applicants_24h or 0) >= NEW_APPLICANTS
        and not f.device_is_hub
        and not f.device_is_household,
        "many_applicants_on_card": (f.card_applicants_30d or 0) >= CARD_APPLICANTS,
        "linked_to_known_bad": f.neighbours_known_bad >= KNOWN_BAD,
        "group_with_known_bad": f.component_applicants >= GROUP and f.component_known_bad >= 1,
        "hub_with_known_bad": f.hub_known_bad_share >= HUB_SHARE,
    }
    return tuple(code for code in RULES if fired[code])
