"""The ``fenqi-score`` command: train a bundle, measure it, explain one case, time it, find gangs."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scoring.errors import NotUsable, ScoringError
from scoring.governance.options import add_commands
from scoring.tables.options import add_options, add_row_options, add_test_options

ALARM = 3
"""Exit status of ``monitor`` when an index is an alarm."""
NOT_USABLE = 4
"""Exit status of ``train`` and ``evaluate`` when a model of a table ranks no better than chance."""
CLOSED = 141
"""Exit status as of a program that SIGPIPE ended."""
EVALUATION_SEED = 20_261_123
"""Not a training seed: ``evaluate`` and ``bench`` look at applications no bundle was trained on."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the console script; returns the exit status.

    0 done, 1 failed, 2 wrong usage, 3 alarm, 4 a model that is not usable.
    """
    try:
        options = _parser().parse_args(arguments)
        status: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # such as ``| head``: the reader has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED
    except OSError as problem:
        where = f"{problem.filename}: {problem.strerror}" if problem.filename else problem
        print(f"fenqi-score: {where}", file=sys.stderr)
        return 1
    except NotUsable as verdict:
        print(f"fenqi-score: {verdict}", file=sys.stderr)
        return NOT_USABLE
    except (ScoringError, ValueError) as problem:
        print(f"fenqi-score: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "fenqi-score: interrupted; nothing was written. To continue a training, start it again with the "
            "same options.",
            file=sys.stderr,
        )
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fenqi-score", description="Train, measure and explain the embedded scorer."
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    train = commands.add_parser("train", help="train a bundle, from the seeded generator or from a table")
    train.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder to write; must not exist or be empty"
    )
    train.add_argument("--seed", type=int, default=42, help="of the generator and of the trees (default 42)")
    train.add_argument(
        "--rows", type=_positive, default=200_000, help="applications to generate (default 200000)"
    )
    add_options(train)
    train.set_defaults(run=_train)

    evaluate = commands.add_parser("evaluate", help="measure on freshly generated applications or on a table")
    evaluate.add_argument(
        "--rows", type=_positive, default=100_000, help="applications to generate (default 100000)"
    )
    add_options(evaluate)
    add_test_options(evaluate)
    evaluate.set_defaults(run=_evaluate)

    explain = commands.add_parser(
        "explain", help="score one application, or a row of a table, and show what moved it"
    )
    explain.add_argument(
        "application",
        nargs="?",
        metavar="FILE",
        help="JSON object of Application's fields, or - for standard input",
    )
    add_row_options(explain)
    explain.set_defaults(run=_explain)

    bench = commands.add_parser("bench", help="time the scorer beside bare onnxruntime")
    bench.add_argument("--rounds", type=_positive, default=5_000, help="timed rounds (default 5000)")
    bench.set_defaults(run=_bench)

    add_commands(commands, monitor=_monitor, replay=_replay, report=_report)
    gangs = commands.add_parser("gangs", help="find planted gangs by links, in a seeded world")
    gangs.add_argument("--applicants", type=_positive, default=100_000, help="ordinary ones (default 100000)")
    gangs.add_argument("--rings", type=_positive, default=200, help="rings of twelve (default 200)")
    gangs.add_argument("--batch", action="store_true", help="also Leiden and PageRank (extra 'links')")
    gangs.add_argument("--json", action="store_true", help="print JSON")
    gangs.set_defaults(run=_gangs)

    for command in (evaluate, explain, bench):
        command.add_argument(
            "--bundle", type=Path, metavar="DIR", help="bundle folder (default: the packaged one)"
        )
        command.add_argument("--json", action="store_true", help="print JSON")
    for command in (evaluate, bench, gangs):
        command.add_argument(
            "--seed", type=int, default=EVALUATION_SEED, help=f"of the generator (default {EVALUATION_SEED})"
        )
    return parser


class _Version(argparse.Action):
    """Like argparse's own, but looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version  # noqa: PLC0415

        print(f"fenqi-score {version('fenqi-gateway')}")
        parser.exit()


def _train(options: argparse.Namespace) -> int:
    if options.data:
        return _train_table(options)
    from scoring.training.plan import TrainingPlan  # noqa: PLC0415
    from scoring.training.train import train  # noqa: PLC0415

    plan = TrainingPlan(rows=options.rows, seed=options.seed)
    with _progress_bar(plan.steps, "training", "step") as bar:
        bundle = train(options.out, plan, lambda step: _advance(bar, step))
    print(
        f"{bundle.identity.name} {bundle.identity.version} in {options.out}, sha256 {bundle.identity.sha256}"
    )
    return 0


def _train_table(options: argparse.Namespace) -> int:
    from scoring.tables import commands  # noqa: PLC0415

    with _Steps(commands.steps(options), "training") as advance:
        model = commands.train(options, advance)
    print(f"{model.name} in {options.out}, for tables with the columns it was trained on")
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    if options.data:
        return _evaluate_table(options)
    from scoring.scorer import Scorer  # noqa: PLC0415
    from scoring.training.evaluation import evaluate  # noqa: PLC0415
    from scoring.training.generator import generate  # noqa: PLC0415

    measured = evaluate(Scorer.load(options.bundle), generate(options.rows, options.seed)) | {
        "seed": options.seed
    }
    _print_json(measured) if options.json else _print_tree(measured)
    return 0


def _evaluate_table(options: argparse.Namespace) -> int:
    from scoring.tables import commands  # noqa: PLC0415

    with _Steps(commands.steps(options), "testing") as advance:
        measured = commands.evaluate(options, advance)
    _print_json(measured) if options.json else _print_tree(measured)
    if measured.get("verdict"):
        print(f"fenqi-score: {measured['verdict']}", file=sys.stderr)
        return NOT_USABLE
    return 0


def _explain(options: argparse.Namespace) -> int:
    if bool(options.data) == bool(options.application):
        raise ValueError("nothing to explain: pass a file with one application, or --data FILE --bundle DIR")
    if options.data:
        from scoring.tables import commands  # noqa: PLC0415

        told = commands.explain(options)
        _print_json(told) if options.json else _print_tree(told)
        return 0
    from scoring.pricing import price  # noqa: PLC0415
    from scoring.scorer import Scorer  # noqa: PLC0415

    application = _read_application(options.application)
    scorer = Scorer.load(options.bundle)
    recommendation = scorer.decide(application)
    explanation: dict[str, Any] = {"scores": asdict(scorer.score(application))}
    explanation["recommendation"] = {k: v for k, v in asdict(recommendation).items() if k != "scores"}
    if recommendation.outcome != "decline" and not recommendation.missing_sources:
        indication = price(application, scorer.score(application))
        explanation["price_indication"] = {**asdict(indication), "charged": False}
    for model in ("fraud", "credit"):
        explanation[f"{model}_contributions"] = _contributions(scorer, application, model)
    _print_json(explanation) if options.json else _print_tree(explanation)
    return 0


def _bench(options: argparse.Namespace) -> int:
    from scoring.scorer import Scorer  # noqa: PLC0415
    from scoring.training.benchmark import measure_latency  # noqa: PLC0415

    scorer = Scorer.load(options.bundle)
    with _progress_bar(options.rounds, "timing", "round") as bar:
        measured = measure_latency(scorer, options.rounds, options.seed, lambda: bar.update(1))
    _print_json(measured) if options.json else _print_tree(measured)
    return 0


def _monitor(options: argparse.Namespace) -> int:
    from scoring.governance import scorelog  # noqa: PLC0415
    from scoring.governance.monitor import monitor  # noqa: PLC0415
    from scoring.scorer import Scorer  # noqa: PLC0415

    reference = scorelog.read(options.reference) if options.reference else None
    found = monitor(Scorer.load(options.bundle), scorelog.read(options.log), reference)
    _print_json(found) if options.json else _print_tree(found)
    return ALARM if found["status"] == "alarm" else 0


def _replay(options: argparse.Namespace) -> int:
    from scoring.governance import scorelog  # noqa: PLC0415
    from scoring.governance.replay import replay  # noqa: PLC0415
    from scoring.scorer import Scorer  # noqa: PLC0415

    with _progress_bar(None, "replaying", "record") as bar:
        replayed = replay(
            Scorer.load(options.bundle),
            scorelog.read(options.log),
            any_bundle=options.any_bundle,
            progress=lambda: bar.update(1),
        )
    told = {
        "records": replayed.records,
        "of_other_models": dict(replayed.others),
        "differences": [asdict(difference) for difference in replayed.differences],
    }
    _print_json(told) if options.json else _print_tree(told)
    return 1 if replayed.differences else 0


def _report(options: argparse.Namespace) -> int:
    from scoring.governance import scorelog  # noqa: PLC0415
    from scoring.governance.report import read_outcomes, report  # noqa: PLC0415
    from scoring.scorer import Scorer  # noqa: PLC0415

    page = report(
        Scorer.load(options.bundle),
        list(scorelog.read(options.log)),
        reference=list(scorelog.read(options.reference)) if options.reference else None,
        outcomes=read_outcomes(options.labels) if options.labels else None,
        language=options.language,
    )
    options.out.write_text(page, "utf-8")
    print(f"{options.out}: {len(page.encode()) // 1000} kB")
    return 0


def _gangs(options: argparse.Namespace) -> int:
    from scoring.links.gangs import expected_questions, measure_gangs  # noqa: PLC0415

    with _progress_bar(expected_questions(options.applicants, options.rings), "asking", "question") as bar:
        measured = measure_gangs(
            options.applicants, options.rings, seed=options.seed, batch=options.batch, progress=bar.update
        )
    _print_json(measured) if options.json else _print_tree(measured)
    return 0


def _read_application(source: str) -> Any:
    from scoring.application import Application  # noqa: PLC0415

    text = sys.stdin.read() if source == "-" else Path(source).read_text("utf-8")
    try:
        fields = json.loads(text)
    except ValueError as problem:
        raise ValueError(f"{source}: not a JSON file: {problem}") from problem
    if not isinstance(fields, dict):
        raise ValueError("the application must be a JSON object")
    try:
        return Application(**fields)
    except TypeError as problem:
        raise ValueError(str(problem).replace("Application.__init__() ", "application ")) from problem


def _contributions(scorer: Any, application: Any, model: str) -> dict[str, float]:
    """Contributions in calibrated logits, strongest first, those that are not zero."""
    from scoring.features import FEATURE_NAMES  # noqa: PLC0415

    attribution = scorer.contributions(application, model)
    moved = [
        (n, round(v, 4))
        for n, v in zip(FEATURE_NAMES, attribution.values.tolist(), strict=True)
        if round(v, 4)
    ]
    return {"bias": round(attribution.bias, 4), **dict(sorted(moved, key=lambda item: -abs(item[1])))}


def _progress_bar(total: int | None, title: str, unit: str) -> Any:
    from scoring.errors import TrainingUnavailable  # noqa: PLC0415

    try:
        from tqdm import tqdm  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError as missing:
        raise TrainingUnavailable("this command needs the package tqdm (extra 'train')") from missing
    return tqdm(total=total, desc=title, unit=unit, file=sys.stderr)


class _Steps(ExitStack):
    """A bar of steps that appears with the first call: what is printed before stands on lines of its own."""

    def __init__(self, total: int, title: str) -> None:
        super().__init__()
        self.total, self.title, self.bar = total, title, None

    def __call__(self, step: str) -> None:
        if self.bar is None:
            self.bar = self.enter_context(_progress_bar(self.total, self.title, "step"))
        if step:
            _advance(self.bar, step)


def _advance(bar: Any, step: str) -> None:
    bar.set_postfix_str(step)
    bar.update(1)


def _print_json(content: dict[str, Any]) -> None:
    print(json.dumps(content, ensure_ascii=False, indent=2))


def _print_tree(content: dict[str, Any], depth: int = 0) -> None:
    for name, value in content.items():
        if isinstance(value, dict):
            print("  " * depth + f"{name}:")
            _print_tree(value, depth + 1)
        elif isinstance(value, (list, tuple)) and value and isinstance(value[0], dict):
            print("  " * depth + f"{name}:")
            for entry in value:
                print("  " * (depth + 1) + "  ".join(str(part) for part in entry.values()))
        else:
            print("  " * depth + f"{name}: {value}")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {number}")
    return number


if __name__ == "__main__":
    sys.exit(main())
