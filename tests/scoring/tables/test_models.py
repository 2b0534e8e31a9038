"""Table models: chosen without the test rows, blended only when proved, stored and served with the same answers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scoring.bundle import DEFAULT_BUNDLE
from scoring.cli import main
from scoring.errors import BundleError, TableInvalid
from scoring.tables import ensemble, measures, protocols, screening
from scoring.tables.bundle import TableModel, write
from scoring.tables.encoding import Scaling
from scoring.tables.ensemble import ALONE, Plan
from scoring.tables.learners import Logistic, Network, Trees
from scoring.tables.protocols import TimeSplit
from scoring.tables.table import Table

QUICK = Plan(recipes=("shallow",), folds=2, threads=1)
TREES = replace(QUICK, blend=False)


def made(rows: int = 1_200, seed: int = 7) -> Table:
    """A table in which two numbers and a word decide, a third number is noise, and a tenth has gaps."""
    random = np.random.default_rng(seed)
    income, debt, noise = random.normal(0, 1, (3, rows))
    word = random.choice(["own", "rent", "free"], rows)
    logit = -1.2 - 1.1 * income + 0.9 * debt * (debt > 0) + 0.8 * (word == "rent")
    bad = random.random(rows) < 1 / (1 + np.exp(-logit))
    income[random.random(rows) < 0.1] = np.nan
    return Table({"income": income, "debt": debt, "noise": noise, "home": tuple(map(str, word))}, bad)


@pytest.fixture(scope="module")
def champion() -> ensemble.Champion:
    return ensemble.fit(made(), QUICK)


def test_the_champion_ranks_and_is_calibrated_on_rows_it_has_not_seen(champion: Any) -> None:
    fresh = made(4_000, seed=8)
    found = measures.figures(fresh.bad, champion.probabilities(fresh))
    assert found["auc"] > 0.74
    assert found["ece"] < 0.05
    assert found["bad_rate_ratio.70"] < 0.75
    assert abs(champion.probabilities(fresh).mean() - fresh.bad.mean()) < 0.04


def test_the_same_rows_and_seed_give_the_same_answers(champion: Any) -> None:
    again = ensemble.fit(made(), QUICK)
    fresh = made(200, seed=9)
    assert np.array_equal(again.probabilities(fresh), champion.probabilities(fresh))
    assert again.weights == champion.weights


def test_a_blend_needs_more_than_one_standard_error() -> None:
    found = ensemble.fit(made(300), QUICK)
    assert found.gate is not None
    assert found.gate.passed == (found.weights != ALONE)


def test_logistic_regression_finds_the_weights_it_was_made_with() -> None:
    random = np.random.default_rng(3)
    matrix = random.normal(0, 1, (20_000, 2)).astype(np.float32)
    bad = random.random(20_000) < 1 / (1 + np.exp(-(0.5 + 1.5 * matrix[:, 0] - matrix[:, 1])))
    fitted = Logistic.fit(matrix, bad, inputs="standard", penalty=1e-3)
    assert fitted.weights[:2] == pytest.approx([1.5, -1.0], abs=0.1)
    assert fitted.weights[-1] == pytest.approx(0.5, abs=0.1)


def test_a_stored_model_answers_like_the_trained_one(champion: Any, tmp_path: Path) -> None:
    table, fresh = made(), made(300, seed=11)
    model = write(tmp_path / "m", champion, table, name="m", target="ended", measured={"auc": 0.8})
    apart = model.probabilities(fresh) - champion.probabilities(fresh)
    assert np.abs(apart).max() < 1e-6
    assert "trees.onnx" in {path.name for path in (tmp_path / "m").iterdir()} or champion.weights[0] == 0
    assert "| auc | 0.8 |" in (tmp_path / "m" / "card.md").read_text()
    assert sum(path.stat().st_size for path in (tmp_path / "m").iterdir()) < 3_000_000
    with pytest.raises(FileExistsError):
        write(tmp_path / "m", champion, table, name="m", target="ended", measured={})


@pytest.mark.parametrize("file", ["bundle.json", "arrays.npz", "card.md", "reference.json"])
def test_a_changed_or_missing_file_is_refused_by_name(champion: Any, tmp_path: Path, file: str) -> None:
    write(tmp_path / "m", champion, made(), name="m", target="ended", measured={})
    path = tmp_path / "m" / file
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(BundleError, match=f"{file} has changed"):
        TableModel.read(tmp_path / "m")
    path.unlink()
    with pytest.raises(BundleError, match="not a complete bundle"):
        TableModel.read(tmp_path / "m")


@pytest.fixture(scope="module")
def blended(champion: Any, tmp_path_factory: Any) -> tuple[ensemble.Champion, TableModel]:
    """A model in which every learner has a part, as it was trained and as it was read back."""
    table = made()
    matrix = champion.encoding.matrix(table)
    models = {
        "trees": Trees.fit(matrix, table.bad, recipe="shallow", seed=1, threads=1),
        "network": Network.fit(matrix, table.bad, seed=1),
        "logistic": Logistic.fit(matrix, table.bad, inputs="both", penalty=1.0),
    }
    weights = {"trees": 0.5, "network": 0.3, "logistic": 0.2}
    every = replace(champion, models=models, weights=weights)
    folder = tmp_path_factory.mktemp("blended") / "m"
    return every, write(folder, every, table, name="m", target="ended", measured={})


def test_contributions_by_column_add_up_to_the_answer(blended: Any) -> None:
    champion, model = blended
    fresh = made(40, seed=12)
    for row, (logit, probability) in enumerate(
        zip(champion.logits(fresh), champion.probabilities(fresh), strict=True)
    ):
        told = model.explain(fresh, row)
        assert set(told.contributions) == {"income", "debt", "noise", "home"}
        assert told.bias + sum(told.contributions.values()) == pytest.approx(logit, abs=1e-5)
        assert told.probability == pytest.approx(probability, abs=1e-6)
    with pytest.raises(TableInvalid, match="there is no row 41; the table has 40"):
        model.explain(fresh, 40)


def test_what_decides_moves_the_answer_and_noise_does_not(blended: Any) -> None:
    fresh = made(70, seed=13)
    told = [blended[1].explain(fresh, row).contributions for row in range(70)]
    known = ~np.isnan(fresh.columns["income"])
    income = np.array([one["income"] for one in told])
    assert np.corrcoef(income[known], fresh.columns["income"][known])[0, 1] < -0.9
    strength = {name: np.mean([abs(one[name]) for one in told]) for name in told[0]}
    assert min(strength, key=strength.__getitem__) == "noise"


def test_groups_by_a_number_are_not_rounded_together() -> None:
    bad, probability = np.array([True, False, False]), np.array([0.3, 0.2, 0.1])
    told = measures.by_group(bad, probability, np.array([1_000_001.0, 1_000_002.0, 0.25]))
    assert set(told) == {"1000001", "1000002", "0.25"}


def test_a_network_of_one_unit_is_explained_by_hand() -> None:
    matrix = np.array([[-1.0], [1.0]], dtype=np.float32)
    network = Network(
        Scaling.fit(matrix), np.array([[2.0], [0.0]]), np.array([-1.0]), np.array([3.0]), outer_bias=0.5
    )
    # At 1 the unit is 2 * 1 - 1 = 1, at the middle it is cut off: everything above 0.5 comes from the input.
    told = network.contributions(np.array([1.0], dtype=np.float32))
    assert (told.bias, told.values.tolist()) == (0.5, [3.0])
    assert network.logits(matrix).tolist() == [0.5, 3.5]


def test_cross_validation_tells_means_with_intervals_and_groups() -> None:
    table = made(900)
    told = protocols.cross_validated(
        table, Plan(recipes=("shallow",), blend=False, folds=2, threads=1), 3, groups=["home"]
    )
    for name in ("auc", "ks", "average_precision", "recall_at_fpr_1", "recall_at_fpr_5", "brier", "ece"):
        low, high = told[f"{name}_ci"]
        assert low <= told[name] <= high
    assert set(told["bad_rate_ratio"]) == {"50", "60", "70", "80", "90"} == set(told["bad_rate_ratio_ci"])
    assert set(told["groups"]["home"]) == {"own", "rent", "free"}
    assert sum(group["rows"] for group in told["groups"]["home"].values()) == 900


def test_a_split_by_time_never_learns_from_the_days_it_waits_or_tests() -> None:
    table = made(3_000)
    day = np.arange(3_000) // 150
    # Before day 7 the mark says who is bad; later it says the opposite: who had learned from later days would know.
    mark = np.where(day < 7, table.bad, ~table.bad).astype(float)
    times = tuple(f"2026-11-{int(d) + 1:02}T10:00:00" for d in day)
    cards = tuple(f"card {i % 400}" for i in range(3_000))
    with_time = Table({**table.columns, "mark": mark, "at": times, "card": cards}, table.bad)
    plan = Plan(recipes=("shallow",), blend=False, folds=2, threads=1)
    told = protocols.split_by_time(with_time, plan, TimeSplit("at", 7, 5, 7, card="card"), groups=["home"])
    assert told["learned_rows"] == 7 * 150
    assert told["auc"] < 0.2
    assert 0 <= told["card_precision_100"] <= 1
    assert sum(group["rows"] for group in told["groups"]["home"].values()) == told["rows"]


def test_a_card_that_was_found_is_looked_at_no_more() -> None:
    bad = np.array([True, False, True, False])
    risk = np.array([0.9, 0.1, 0.9, 0.2])
    days, cards = np.array([0, 0, 1, 1]), np.array([1, 2, 1, 3])
    assert measures.card_precision(bad, risk, days, cards, alerts=1) == 0.5


def test_the_commands_train_test_and_say_what_is_wrong(tmp_path: Path, capsys: Any) -> None:
    table = made(500)
    lines = ["income,debt,noise,home,sex,ended"]
    columns = zip(*(table.columns[n] for n in ("income", "debt", "noise", "home")), table.bad, strict=True)
    lines += [f"{a},{b},{c},{d},{i % 2},{int(bad)}" for i, (a, b, c, d, bad) in enumerate(columns)]
    data = tmp_path / "rows.csv"
    data.write_text("\n".join(lines))
    common = [
        "--data",
        str(data),
        "--target",
        "ended",
        "--recipe",
        "shallow",
        "--trees-only",
        "--threads",
        "1",
    ]
    assert main(["train", *common, "--drop", "noise,sex", "--out", str(tmp_path / "m")]) == 0
    assert main(["evaluate", *common, "--bundle", str(tmp_path / "m"), "--groups", "sex", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert told["auc"] > 0.7
    assert set(told["groups"]["sex"]) == {"0", "1"}
    assert main(["evaluate", *common, "--cv", "2", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["folds"] == 2
    assert "sex must not be used to decide about a person" in shown.err
    assert shown.err.index("testing:") > shown.err.index("consider --drop"), "the bar comes after the reader"
    bundle = ["--bundle", str(tmp_path / "m")]
    codes = ["code,ended", *(f"{'17X'[i % 3]},{int(i % 3 == 0 and i % 4 != 0)}" for i in range(600))]
    (tmp_path / "codes.csv").write_text("\n".join(codes))
    (tmp_path / "later.csv").write_text("code,ended\n1,0\n7,1")
    coded = ["--data", str(tmp_path / "codes.csv"), *common[2:]]
    assert main(["train", *coded, "--out", str(tmp_path / "codes")]) == 0
    chances = []
    for row in ("1", "2"):
        later = ["--data", str(tmp_path / "later.csv"), "--row", row, "--bundle", str(tmp_path / "codes")]
        capsys.readouterr()
        assert main(["explain", *later, "--json"]) == 0
        chances.append(json.loads(capsys.readouterr().out)["probability"])
    assert chances[0] > 0.6
    assert chances[1] < 0.1, "words that look like numbers stay words"
    assert main(["explain", "--data", str(data), "--row", "7", *bundle, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["contributions"]) == {"income", "debt", "home"}
    assert told["converted"] == {}
    marked = data.with_name("marked.csv")
    marked.write_text("income,debt,home\n" + '"$1,200.50",2,own\n' * 3)
    assert main(["explain", "--data", str(marked), *bundle, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["converted"] == {
        "income": "thousands separators removed; currency USD removed"
    }
    assert told["bias"] + sum(told["contributions"].values()) == pytest.approx(told["logit"], abs=1e-3)
    dated = tmp_path / "dated.csv"
    days = ["when", *(f"2026-11-{i // 50 + 1:02}" for i in range(500))]
    dated.write_text("\n".join(f"{line},{day}" for line, day in zip(lines, days, strict=True)))
    timed = ["--data", str(dated), "--target", "ended", *bundle, "--time", "when", "--card", "home", "--json"]
    assert main(["evaluate", *timed]) == 0
    low, high = (told := json.loads(capsys.readouterr().out))["card_precision_100_ci"]
    assert 0 <= low <= told["card_precision_100"] <= high <= 0.03
    for command, complaint in (
        (["evaluate", *common, "--cv", "2", "--card", "home"], "in --time"),
        (["explain", "--data", str(data)], "in --bundle"),
        (["explain"], "nothing to explain"),
        (["explain", "--data", str(data), "--row", "501", *bundle], "there is no row 501"),
        (["bench", *bundle], "is a model trained on a table: use it with --data"),
        (
            ["explain", "--data", str(data), "--bundle", str(DEFAULT_BUNDLE)],
            "is not a model trained on a table",
        ),
    ):
        assert main(command) == 1
        assert complaint in capsys.readouterr().err
    for wrong, complaint in (
        (["--drop", "shoe"], "no column 'shoe'"),
        (["--recipe", "wild"], "no recipe 'wild'"),
        ([], "choose how to test"),
    ):
        assert main(["evaluate", *common, *wrong]) == 1
        assert complaint in capsys.readouterr().err


def without_gaps(rows: int, seed: int) -> Table:
    table = made(rows, seed)
    return Table({**table.columns, "income": np.nan_to_num(table.columns["income"])}, table.bad)


def test_an_unknown_income_never_counts_like_a_high_one_and_is_counted(tmp_path: Path) -> None:
    table = without_gaps(1_200, 7)
    champion = ensemble.fit(table, TREES)
    model = write(tmp_path / "m", champion, table, name="m", target="ended", measured={})
    fresh = without_gaps(400, 21)
    rows = len(fresh)

    def with_income(value: float) -> Table:
        return Table({**fresh.columns, "income": np.full(rows, value)}, fresh.bad)

    unknown, high = model.probabilities(with_income(np.nan)), model.probabilities(with_income(1.5))
    assert (unknown > high).all()
    told = protocols.of_bundle(model, with_income(np.nan), seed=1)
    assert told["unseen"] == {"income": {"gaps": rows}}
    assert protocols.of_bundle(model, fresh, seed=1)["unseen"] == {}


def test_the_command_tells_unseen_words_and_new_gaps_by_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = without_gaps(600, 7)
    champion = ensemble.fit(table, TREES)
    write(tmp_path / "m", champion, table, name="m", target="ended", measured={})
    lines = [f"{i / 40 - 1},0.5,0.1,{'tent' if i < 3 else 'rent'},{i % 2}" for i in range(40)]
    lines[0] = ",0.5,0.1,tent,0"
    (tmp_path / "later.csv").write_text("\ufeffincome,debt,noise,home,ended\n" + "\n".join(lines), "utf-8")
    data = ["--data", str(tmp_path / "later.csv"), "--bundle", str(tmp_path / "m"), "--json"]
    assert main(["evaluate", *data, "--target", "ｅｎｄｅｄ"]) == 0
    told = json.loads(capsys.readouterr().out)["unseen"]
    assert told == {"income": {"gaps": 1}, "home": {"words": 3, "examples": ["tent"]}}
    assert main(["explain", *data, "--row", "2"]) == 0
    assert json.loads(capsys.readouterr().out)["unseen"] == {"home": {"words": 1, "examples": ["tent"]}}


def test_folds_and_the_split_by_time_tell_what_their_training_had_not_shown() -> None:
    told = protocols.summed(
        [
            {"a": {"gaps": 1}, "b": {"words": 2, "examples": ["x", "y"]}},
            {"b": {"words": 1, "examples": ["z"], "gaps": 4}},
        ]
    )
    assert told == {"a": {"gaps": 1}, "b": {"words": 3, "examples": ["x", "y", "z"], "gaps": 4}}
    table = made(400)
    strange = ("tent", *table.columns["home"][1:])
    found = protocols.cross_validated(Table({**table.columns, "home": strange}, table.bad), TREES, 2)
    assert found["unseen"] == {"home": {"words": 1, "examples": ["tent"]}}


def written(path: Path, columns: dict[str, Any], bad: Any) -> list[str]:
    rows = zip(*columns.values(), bad, strict=True)
    path.write_text("\n".join([",".join([*columns, "ended"]), *(",".join(map(str, row)) for row in rows)]))
    return ["--data", str(path), "--target", "ended", "--recipe", "shallow", "--trees-only", "--threads", "1"]


def test_noise_gets_its_figures_a_sentence_and_no_model(tmp_path: Path, capsys: Any) -> None:
    random = np.random.default_rng(4)
    bad = (random.random(400) < 0.3).astype(int)
    asked = written(
        tmp_path / "noise.csv", {f"n{i}": random.normal(size=400).round(4) for i in range(4)}, bad
    )
    assert main(["evaluate", *asked, "--cv", "2", "--json"]) == 4
    shown = capsys.readouterr()
    told = json.loads(shown.out)
    assert not told["usable"]
    assert 0.4 < told["auc"] < 0.6
    assert "not usable: on rows that it had not seen its AUC is 0." in shown.err
    assert main(["train", *asked, "--out", str(tmp_path / "m")]) == 4
    assert "Further figures: ks 0." in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [tmp_path / "noise.csv"]


def test_too_few_of_an_outcome_are_counted() -> None:
    table = made(300)
    few = table.rows(np.concatenate([np.flatnonzero(table.bad)[:2], np.flatnonzero(~table.bad)]))
    with pytest.raises(TableInvalid, match="2 rows to learn from are bad"):
        ensemble.fit(few, QUICK)


def test_a_direction_is_kept_everywhere_and_a_code_is_no_amount(tmp_path: Path, capsys: Any) -> None:
    table = made(600)
    coded = np.where(np.arange(600) % 6 == 0, -9.0, table.columns["debt"])
    bad = np.where(coded == -9, np.arange(600) % 4 != 0, table.bad).astype(int)
    columns = {"income": np.nan_to_num(table.columns["income"]), "debt": coded}
    asked = written(tmp_path / "rows.csv", columns, bad)
    learned = ["--monotone", "debt:+,income:-", "--special", "-9"]
    assert main(["train", *asked, *learned[:2], "--special=-9", "--out", str(tmp_path / "m")]) == 0
    model = TableModel.read(tmp_path / "m")
    grid = np.linspace(-4, 4, 300)

    def chances(income: Any, debt: Any) -> Any:
        return model.probabilities(Table({"income": income, "debt": debt}, np.zeros(len(income), dtype=bool)))

    for other in (-1.0, 0.0, 1.0):
        assert (np.diff(chances(grid, np.full(300, other))) <= 1e-12).all()
        assert (np.diff(chances(np.full(300, other), grid)) >= -1e-12).all()
    coded_risk, lowest = chances(np.zeros(2), np.array([-9.0, -4.0]))
    assert coded_risk > lowest + 0.2, "-9 is not a very small debt"
    assert set(model.explain(Table(columns, bad == 1), 0).contributions) == {"income", "debt"}
    for wrong, complaint in (
        (["--monotone", "home:+"], "'home' is not a number"),
        (["--special=-7"], "code -7"),
    ):
        assert main(["train", *asked, *wrong, "--out", str(tmp_path / "n")]) == 1
        assert complaint in capsys.readouterr().err
    for wrong_use in (["--monotone", "debt"], ["--special=a"], ["--budget", "0"]):
        with pytest.raises(SystemExit):
            main(["train", *asked, *wrong_use, "--out", str(tmp_path / "n")])


def test_a_wide_table_is_screened_and_a_budget_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(screening, "MOST_INPUTS", 5)
    table = made(600)
    random = np.random.default_rng(1)
    wide = Table({**table.columns, **{f"n{i}": random.normal(size=600) for i in range(20)}}, table.bad)
    found = ensemble.fit(wide, replace(QUICK, budget=1e-6, recipes=("shallow", "deep")))
    assert {"income", "home"} <= set(found.encoding.used)
    assert len(found.encoding.inputs) <= 5
    assert found.chosen()["columns_screened_out"] == 24 - len(found.encoding.used)
    assert found.not_tried == (
        "logistic:0",
        "logistic:1",
        "logistic:2",
        "logistic:3",
        "trees:deep",
        "network",
    )
    model = write(tmp_path / "m", found, wide, name="m", target="ended", measured={})
    narrow = Table({name: wide.columns[name] for name in found.encoding.used}, wide.bad)
    assert np.abs(model.probabilities(narrow) - found.probabilities(wide)).max() < 1e-6


def test_no_card_is_far_below_the_calibration_error_of_chance() -> None:
    random = np.random.default_rng(11)
    logits = random.normal(-1, 1.3, 12_000)
    bad = random.random(12_000) < 1 / (1 + np.exp(-logits))
    fold = ensemble.stratified(bad, 5, 1)
    found = measures.figures(bad, ensemble._cross_fitted(logits, bad, fold))
    assert found["ece"] > 0.5 * found["ece_by_chance"]


def test_drift_is_told_with_its_direction() -> None:
    random = np.random.default_rng(2)
    logit = random.normal(-1.5, 1, 20_000)
    bad = random.random(20_000) < 1 / (1 + np.exp(-(0.5 * logit + 1)))
    found = measures.figures(bad, 1 / (1 + np.exp(-logit)))
    assert found["mean_predicted"] + 0.2 < found["observed"]
    assert found["calibration_slope"] == pytest.approx(0.5, abs=0.05)
