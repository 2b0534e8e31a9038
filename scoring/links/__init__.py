"""Links between applicants (a device, phone, address, card or referrer in common), as an index in memory.

>>> from scoring.links import Edge, Link, LinkIndex
>>> index = LinkIndex()
>>> index.observe(Edge("shp_1", Link("device", "5f0c…"), at=1_795_000_000))
>>> index.features("shp_2", [Link("device", "5f0c…")], at=1_795_000_600).device_applicants_1h
2

Values are keyed hashes made by the caller, applicants are opaque, times are UTC epoch seconds given by the caller.
"""

from scoring.links.edges import KINDS, WALKED, Edge, Link, LinkFeatures, LinkSettings
from scoring.links.index import LinkIndex
from scoring.links.rules import RULES, rules

__all__ = [
    "KINDS",
    "RULES",
    "WALKED",
    "Edge",
    "Link",
    "LinkFeatures",
    "LinkIndex",
    "LinkSettings",
    "rules",
]
