"""Mutants are made where the text says so, each differs from the module, and a sample is the same for a seed."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

from tests.mutation import mutants
from tests.mutation.__main__ import ROOT, sampled


def test_every_mutant_of_a_module_compiles_and_differs() -> None:
    path = ROOT / "gateway" / "core" / "late_interest.py"
    every = mutants.of_module(path, ROOT)
    whole = compile(path.read_text(encoding="utf-8"), str(path), "exec")
    assert {mutant.what for mutant in every} >= {
        "Gt becomes GtE",
        "0 becomes 1",
        "Sub becomes Add",
        "min becomes max",
    }
    for mutant in every:
        assert mutant.function, "nothing of this module is seen by an import only"
        (code,) = mutants.code_of(mutants.compiled(mutant, ROOT), mutant.function)
        (before,) = mutants.code_of(whole, mutant.function)
        assert code != before, mutant


def test_the_command_runs_mutants_and_names_what_survives() -> None:
    command = [sys.executable, "-m", "tests.mutation", "--room", "core", "--module", "transitions.py"]
    command += ["--share", "2/6", "--seed", "1", "--tests"]
    command += ["tests/gateway/core/test_states.py::test_a_state_without_moves_is_final"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-2:] == [
        "core, seed 1: 1 of 2 killed (50.0%), 0 of them by time; 0 survived, 1 no test comes by",
        "  unseen    gateway/core/transitions.py:18#1 NotIn becomes In",
    ]


def test_sample_is_the_same_for_a_seed() -> None:
    first, second = (sampled("core", Fraction(1, 40), 7) for _ in range(2))
    assert first == second
    assert first != sampled("core", Fraction(1, 40), 8)
