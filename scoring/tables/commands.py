"""What ``fenqi-score train|evaluate|explain --data FILE`` does, with the options of ``scoring.tables.options``."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from scoring.errors import TableInvalid
from scoring.tables import ensemble, measures, protocols
from scoring.tables.bundle import TableModel, write
from scoring.tables.ensemble import Plan, Progress
from scoring.tables.learners import RECIPES
from scoring.tables.protocols import TimeSplit
from scoring.tables.table import Table, normalised
from scoring.training.checkpoint import Checkpoint

SEED: Final = 42


def train(options: argparse.Namespace, progress: Progress) -> TableModel:
    """Train on the whole table and write the bundle to ``options.out``; go on where it was interrupted."""
    _normalise(options)
    table = _table(options).without([options.time] if options.time else [])
    plan = _plan(options, options.seed)
    reached = Checkpoint.beside(options.out, {"plan": asdict(plan), "rows": table.sha256()})
    champion = ensemble.fit(table, plan, progress, reached)
    measured = measures.figures(table.bad, champion.held_out)
    rounded = {name: round(value, 4) for name, value in measured.items()}
    name = options.out.name
    model = write(options.out, champion, table, name=name, target=options.target, measured=rounded)
    reached.forget()
    return model


def evaluate(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Figures by cross-validation, by time, or of a bundle on the rows of the table."""
    _normalise(options)
    if options.card and not options.time:
        raise TableInvalid("--card counts alerts by day: name the column with the time in --time")
    model = TableModel.read(options.bundle) if options.bundle else None
    table, plan = _table(options, model), _plan(options, SEED)
    if model is not None:
        told = {"time": options.time, "card": options.card}
        return protocols.of_bundle(model, table, **told, groups=options.groups, seed=SEED)
    if options.time:
        days = options.train_days, options.delay_days, options.test_days
        split = TimeSplit(options.time, *days, card=options.card)
        return protocols.split_by_time(table, plan, split, groups=options.groups, progress=progress)
    if not options.cv or options.cv < 2:
        raise TableInvalid("choose how to test: --cv 5, --time COLUMN, or --bundle DIR")
    return protocols.cross_validated(table, plan, options.cv, groups=options.groups, progress=progress)


def explain(options: argparse.Namespace) -> dict[str, Any]:
    """What moved the answer of a trained bundle for one row of a table, counted from 1."""
    _normalise(options)
    if not options.bundle:
        raise TableInvalid("name the trained model that explains the row in --bundle")
    model = TableModel.read(options.bundle)
    table = _read(options, None, model)
    found = model.explain(table, options.row - 1)
    return {
        "model": model.name,
        "row": options.row,
        "probability": round(found.probability, 6),
        "logit": round(found.logit, 4),
        "bias": round(found.bias, 4),
        "contributions": {column: round(value, 4) + 0.0 for column, value in found.contributions.items()},
        "unseen": model.encoding.unseen(table.rows(np.array([options.row - 1]))),
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


def _table(options: argparse.Namespace, model: TableModel | None = None) -> Table:
    if not options.target:
        raise TableInvalid("name the column with the outcome of each row in --target")
    table = _read(options, options.target, model).without(options.drop)
    seen = [name for name in table.protected if name not in getattr(options, "groups", ())]
    if seen:
        told = f"{', '.join(seen)} must not be used to decide about a person: exclude it with --drop"
        print(f"fenqi-score: {told}", file=sys.stderr)
    return table


def _read(options: argparse.Namespace, target: str | None, model: TableModel | None) -> Table:
    """The table, its columns of the kinds that ``model`` was trained on."""
    words = model.encoding.word_columns if model else ()
    numbers = model.encoding.numbers if model else ()
    return Table.read(options.data, target, words, numbers).with_ratios(options.ratio)


def _plan(options: argparse.Namespace, seed: int) -> Plan:
    if options.recipe is not None and options.recipe not in RECIPES:
        raise TableInvalid(f"there is no recipe {options.recipe!r}; there are: {', '.join(RECIPES)}")
    recipes = (options.recipe,) if options.recipe else Plan().recipes
    return Plan(recipes=recipes, blend=not options.trees_only, seed=seed, threads=options.threads)
