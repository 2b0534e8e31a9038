"""What ``fenqi-score train|evaluate|explain --data FILE`` does, with the options of ``scoring.tables.options``."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, replace
from typing import Any, Final

import numpy as np

from scoring.errors import NotUsable, TableInvalid
from scoring.tables import ensemble, findings, measures, protocols
from scoring.tables.bundle import TableModel, write
from scoring.tables.ensemble import Plan, Progress
from scoring.tables.learners import RECIPES
from scoring.tables.opening import Form
from scoring.tables.protocols import TimeSplit
from scoring.tables.reading import Became, Reading, read
from scoring.tables.table import Table, normalised
from scoring.training.checkpoint import Checkpoint

SEED: Final = 42
BEGUN: Final = ""
"""Told to ``progress`` once the table is read: until then standard error belongs to the reader."""


def train(options: argparse.Namespace, progress: Progress) -> TableModel:
    """Train on the whole table and write the bundle to ``options.out``; go on where it was interrupted."""
    _normalise(options)
    whole, became, _ = _table(options)
    progress(BEGUN)
    table = whole.without([options.time] if options.time else [])
    plan = _plan(options, options.seed)
    reached = Checkpoint.beside(options.out, {"plan": asdict(plan), "rows": table.sha256()})
    champion = ensemble.fit(table, plan, progress, reached)
    measured = measures.figures(table.bad, champion.held_out)
    rounded = {name: round(value, 4) for name, value in measured.items()}
    if verdict := protocols.no_better_than_chance(measured["auc"], len(table), int(table.bad.sum())):
        reached.forget()
        shown = ", ".join(
            f"{figure} {rounded[figure]}" for figure in ("ks", "brier", "ece", "calibration_slope")
        )
        raise NotUsable(f"{verdict} Further figures: {shown}. Nothing was written.")
    name = options.out.name
    measures_of = {column: found.measure for column, found in became.items() if found.kind != "words"}
    told = {"name": name, "target": options.target, "measured": rounded, "measures": measures_of}
    model = write(options.out, champion, table, **told)
    reached.forget()
    return model


def evaluate(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Figures by cross-validation, by time, or of a bundle.

    ``usable`` says of the first two whether the trained models rank better than chance.
    """
    _normalise(options)
    if options.card and not options.time:
        raise TableInvalid("--card counts alerts by day: name the column with the time in --time")
    model = TableModel.read(options.bundle) if options.bundle else None
    table, _, read_as = _table(options, model)
    progress(BEGUN)
    plan = _plan(options, SEED)
    if model is not None:
        alerts = {"time": options.time, "card": options.card}
        return protocols.of_bundle(model, table, **alerts, groups=options.groups, seed=SEED) | read_as
    if options.time:
        days = options.train_days, options.delay_days, options.test_days
        split = TimeSplit(options.time, *days, card=options.card)
        told = protocols.split_by_time(table, plan, split, groups=options.groups, progress=progress)
    elif options.cv and options.cv >= 2:
        plan = replace(plan, budget=plan.budget / options.cv if plan.budget else None)
        told = protocols.cross_validated(table, plan, options.cv, groups=options.groups, progress=progress)
    else:
        raise TableInvalid("choose how to test: --cv 5, --time COLUMN, or --bundle DIR")
    verdict = protocols.no_better_than_chance(told["auc"], told["rows"], told["bad_rows"])
    return told | {"usable": not verdict, "verdict": verdict} | read_as


def explain(options: argparse.Namespace) -> dict[str, Any]:
    """What moved the answer of a trained bundle for one row of a table, counted from 1."""
    _normalise(options)
    if not options.bundle:
        raise TableInvalid("name the trained model that explains the row in --bundle")
    model = TableModel.read(options.bundle)
    table, became, _ = _read(options, None, model)
    found = model.explain(table, options.row - 1)
    return {
        "model": model.name,
        "row": options.row,
        "probability": round(found.probability, 6),
        "logit": round(found.logit, 4),
        "bias": round(found.bias, 4),
        "contributions": {column: round(value, 4) + 0.0 for column, value in found.contributions.items()},
        "unseen": model.encoding.unseen(table.rows(np.array([options.row - 1]))),
        "converted": {
            name: "; ".join(became[name].converted)
            for name in model.encoding.used
            if name in became and became[name].converted
        },
    }


def steps(options: argparse.Namespace) -> int:
    """How often ``progress`` will be called."""
    if getattr(options, "bundle", None):
        return 0
    return Plan().steps * (1 if options.time else max(1, getattr(options, "cv", None) or 1))


def _normalise(options: argparse.Namespace) -> None:
    """Columns are named in the options as they are in the table: see ``scoring.tables.table.normalised``."""
    for name in ("target", "time", "card"):
        if getattr(options, name, None):
            setattr(options, name, normalised(getattr(options, name)))
    for name in ("drop", "groups", "ratio"):
        setattr(options, name, tuple(normalised(column) for column in getattr(options, name, ())))


def _table(
    options: argparse.Namespace, model: TableModel | None = None
) -> tuple[Table, dict[str, Became], dict[str, Any]]:
    """The table, what became of its columns, and both as a report tells them; also told on standard error."""
    if not options.target:
        raise TableInvalid("name the column with the outcome of each row in --target")
    table, became, form = _read(options, options.target, model)
    table = table.without(options.drop)
    told = findings.findings(table, became)
    written = f"{form.encoding}, {form.delimiter!r} between cells" if form.delimiter else form.encoding
    left_out = f"; {table.left_out} rows without one are left out" if table.left_out else ""
    print(f"{options.data}: {written}; {len(table)} rows with an outcome{left_out}", file=sys.stderr)
    print("\n".join(findings.lines(told)), file=sys.stderr)
    seen = [name for name in table.protected if name not in getattr(options, "groups", ())]
    if seen:
        warned = f"{', '.join(seen)} must not be used to decide about a person: exclude it with --drop"
        print(f"fenqi-score: {warned}", file=sys.stderr)
    return table, became, {"read_as": written, "rows_without_outcome": table.left_out, "columns": told}


def _read(
    options: argparse.Namespace, target: str | None, model: TableModel | None
) -> tuple[Table, dict[str, Became], Form]:
    """The table, its columns of the kinds that ``model`` was trained on."""
    how = Reading(
        target=target,
        words=model.encoding.word_columns if model else (),
        numbers=model.encoding.numbers if model else (),
        measures=model.measures if model else {},
        dates=[options.time] if getattr(options, "time", None) else (),
        bad=getattr(options, "bad", None),
        missing=options.missing,
        encoding=options.encoding,
        delimiter=options.delimiter,
    )
    try:
        from tqdm import tqdm  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError:  # of the extra for training; explaining a row does without
        table, became, form = read(options.data, how)
    else:
        with tqdm(desc="reading", unit="row", file=sys.stderr, delay=1, leave=False) as bar:
            table, became, form = read(options.data, how, bar.update)
    return table.with_ratios(options.ratio), became, form


def _plan(options: argparse.Namespace, seed: int) -> Plan:
    if options.recipe is not None and options.recipe not in RECIPES:
        raise TableInvalid(f"there is no recipe {options.recipe!r}; there are: {', '.join(RECIPES)}")
    recipes = (options.recipe,) if options.recipe else Plan().recipes
    return Plan(
        recipes=recipes,
        blend=not options.trees_only,
        seed=seed,
        threads=options.threads,
        monotone=tuple((normalised(name), sign) for name, sign in options.monotone),
        special=options.special,
        budget=options.budget,
    )
