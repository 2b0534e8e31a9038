from __future__ import annotations

from collections import Counter
from dataclasses import fields

import pytest

from scoring.application import Application
from scoring.sources import SOURCE_OF, SOURCES, with_consent, without_consent
from scoring.training.generator import SOURCES as MISSING_TOGETHER

ALL = {field.name: 1 for field in fields(Application)}


def test_every_field_belongs_to_exactly_one_source():
    named = Counter(name for source in SOURCES.values() for name in source.fields)
    assert named.keys() == ALL.keys()
    assert set(named.values()) == {1}


def test_without_any_consent_only_the_contracts_own_fields_are_used():
    used = with_consent(ALL, ())
    assert {SOURCE_OF[name] for name in used} == {"order", "declaration", "own_books"}


@pytest.mark.parametrize("source", [name for name, source in SOURCES.items() if source.needs_consent])
def test_a_consent_opens_its_source_and_no_other(source):
    opened = with_consent(ALL, (source,)).keys() - with_consent(ALL, ()).keys()
    assert opened == set(SOURCES[source].fields)
    assert without_consent(dict.fromkeys(ALL), ()) == {}


def test_what_no_consent_covers_is_named_by_source():
    found = without_consent({"bureau_lenders": 2, "utilisation": 0.2, "phone_age_months": None}, ("device",))
    assert found == {"bureau": ("bureau_lenders", "utilisation")}


def test_a_source_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="no source 'social'"):
        with_consent({}, ("social",))


def test_the_generators_missing_sources_name_known_fields():
    assert {name for _, names in MISSING_TOGETHER.values() for name in names} <= ALL.keys()
