from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scoring.governance.buckets import bucket, takes_part

NAMES = st.text(min_size=1, max_size=30)


def test_buckets_are_the_same_on_every_machine_and_every_day():
    assert [bucket("autumn", f"shp_{n}") for n in range(4)] == [456, 7456, 2015, 1027]


@given(experiment=NAMES, applicant=NAMES, shares=st.tuples(st.integers(0, 10_000), st.integers(0, 10_000)))
def test_a_larger_share_keeps_everybody_it_had(experiment, applicant, shares):
    small, large = sorted(shares)
    assert not takes_part(experiment, applicant, small) or takes_part(experiment, applicant, large)
    assert takes_part(experiment, applicant, 10_000)
    assert not takes_part(experiment, applicant, 0)


def test_shares_are_kept_and_experiments_do_not_follow_each_other():
    people = [f"shp_{n}" for n in range(20_000)]
    first = [takes_part("first", person, 2_000) for person in people]
    second = [takes_part("second", person, 2_000) for person in people]
    both = sum(a and b for a, b in zip(first, second, strict=True))
    assert abs(sum(first) - 4_000) < 250
    assert abs(both - 800) < 130
