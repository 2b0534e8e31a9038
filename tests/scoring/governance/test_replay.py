"""Every logged score comes out again; a value that was changed is found by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scoring.cli import main
from scoring.errors import InvalidApplication
from scoring.governance import scorelog
from scoring.governance.replay import OtherBundle, Replayed, replay
from scoring.policy import DEFAULT_POLICY, policy_named


@pytest.fixture
def champions(records):
    return [record for record in records if record.role == "champion"][:300]


def test_a_true_log_has_no_differences(scorer, champions):
    assert replay(scorer, champions) == Replayed(300, (), {})


@pytest.mark.parametrize(
    ("field", "value"),
    [("fraud_probability", 0.9), ("credit_score", 851), ("outcome", "maybe"), ("limit_fen", 1)],
)
def test_a_changed_value_is_named(scorer, champions, field, value):
    changed = replace(champions[7], **{field: value})
    told = replay(scorer, [*champions[:7], changed])
    (found,) = told.differences
    assert (told.records, found.decision, found.field, found.logged) == (8, "dec_00007", field, value)


def test_a_changed_input_shows_in_the_scores(scorer, champions):
    features = {**champions[0].features, "amount_fen": 9_000_000}
    found = replay(scorer, [replace(champions[0], features=features)]).differences
    assert {"default_probability", "fraud_probability"} <= {one.field for one in found}


def test_scores_of_another_bundle_are_left_out_and_told_unless_asked_for(scorer, champions):
    other = replace(champions[0], model="rival 2", model_sha256="0" * 64, credit_score=1)
    assert replay(scorer, [other, *champions[1:5]]) == Replayed(4, (), {"rival 2 (000000000000…)": 1})
    with pytest.raises(OtherBundle, match="the scores were computed by rival 2"):
        replay(scorer, [other])
    told = replay(scorer, [other], any_bundle=True)
    assert (told.records, [one.field for one in told.differences]) == (1, ["credit_score"])


def test_an_unknown_field_or_policy_is_named(scorer, champions):
    with pytest.raises(InvalidApplication, match="shoe_size"):
        replay(scorer, [replace(champions[0], features={**champions[0].features, "shoe_size": 42})])
    with pytest.raises(ValueError, match="no policy '2031'"):
        replay(scorer, [replace(champions[0], policy="2031")])


def test_a_policy_that_required_more_is_found_again_by_its_name():
    more = DEFAULT_POLICY.requiring(("bureau_lenders",))
    assert policy_named(more.version) == more
    assert policy_named(DEFAULT_POLICY.version) == DEFAULT_POLICY
    assert DEFAULT_POLICY.requiring(()) is DEFAULT_POLICY


def test_the_command_ends_with_1_where_something_differs(champions, tmp_path, capsys):
    log = tmp_path / "log.jsonl"
    scorelog.write(log, champions[:20])
    assert main(["replay", "--log", str(log), "--json"]) == 0
    scorelog.write(log, [*champions[:20], replace(champions[20], credit_score=1)])
    assert main(["replay", "--log", str(log), "--json"]) == 1
    assert '"credit_score"' in capsys.readouterr().out
