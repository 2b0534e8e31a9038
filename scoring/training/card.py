"""Write the model card of a bundle in the Hugging Face layout, with the figures just measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from scoring.application import PROTECTED_ATTRIBUTES
from scoring.features import FEATURES, Model

if TYPE_CHECKING:
    from scoring.training.gate import Gate
    from scoring.training.plan import TrainingPlan

HEADER: Final = """\
---
language: [zh, en]
license: apache-2.0
library_name: onnx
pipeline_tag: tabular-classification
tags: [credit-scoring, fraud-detection, gradient-boosting, onnx, synthetic-data, calibrated]
model-index:
- name: {name}-{version}
  results:
{results}
---
"""

RESULT: Final = """\
  - task: {{type: tabular-classification, name: {task}}}
    dataset: {{type: synthetic, name: fenqi-score generator (fresh seed)}}
    metrics:
    - {{type: auc, value: {auc}}}
    - {{type: average_precision, value: {average_precision}}}
    - {{type: recall_at_1_percent_fpr, value: {recall_at_1_percent_fpr}}}
    - {{type: brier_score, value: {brier}}}
    - {{type: expected_calibration_error, value: {ece_10_equal_count_bins}}}"""

INTRODUCTION: Final = """\
# {name} {version}

Two models of gradient-boosted trees that score one application for instalments at an online checkout: the
probability that the applicant never means to pay (fraud), and the probability of being 90 days overdue
within 12 months given that they do (credit).

**Trained on synthetic data only.** Every row came from a seeded generator that is part of this project
(`scoring/training/generator.py`). No row describes a person and no figure was fitted to a lender's book. The bundle
shows that the machinery works end to end. It must be replaced by a model trained and validated on the
lender's own data before it takes part in a decision about a real person.

## Model details
- Type: {trees} trees per model, depth at most {depth}, monotone in the directions of the table below;
  trained with xgboost {xgboost}, stored as ONNX `TreeEnsembleRegressor` (ai.onnx.ml 3), served by
  onnxruntime on one thread, or by xgboost from the UBJ files with answers equal to 1e-6. No pickle.
- Output of a model: a logit. Platt scaling, fitted on {folds} held-out folds, makes it a calibrated
  probability.
- `fraud_score`, 0 to 100: the percentage of the reference population (held-out training rows) with a lower
  probability.
- `credit_score`, 300 to 850: 600 at odds of 20 good to 1 bad, and 50 points double the odds.
- Reasons: exact path-dependent TreeSHAP contributions (arXiv 1802.03888) on the stored trees; contributions
  and bias add up to the calibrated logit. A network's are Aumann-Shapley values from the mean applicant.
  Features with one sentence are summed; up to four sentences per model, only for what raised the risk.
- Licence: Apache-2.0.

## Uses
- Intended: demonstrations, integration tests, load tests, and as the shape into which a lender's own model
  is put.
- The recommendation (`approve`, `review`, `decline`, limit) is advice to a licensed lender, who
  decides.
- Out of scope: employment, insurance, housing, any decision about a person that is not an instalment
  purchase; any claim about default or fraud rates of a real population.
- A person may ask for an explanation and for a human decision (Personal Information Protection Law, art.
  24): reasons are stored in both languages, and fraud signals that would teach impersonation are marked as
  not for shoppers.

## Bias, risks and limitations
- No protected attribute is an input: {protected}. The region flag compares the shipping province with the
  phone number or an earlier address and is never read from the ID number, whose first digits are a place of
  registration near birth.
- Proxies remain possible: income, order category and the age of a phone number go with age and place. The
  generator holds no protected attribute, so **no group comparison can be made with it**; measure approval
  and error rates by group on real cases.
- An applicant without any record is hard to judge; see the segment table. Limits start modestly and rise
  only after instalments were paid on time.
- Unknown inputs are expected: each source is missing in a share of the training rows, and a fifth of the
  rows has no outside source. An unknown *required* source makes the recommendation a review.
- The fraud model has seen rings, lone frauds with fresh identities, and imitators. About a quarter of the
  generated frauds look like ordinary applicants by construction, so recall has a ceiling.
- Labels of real frauds arrive late and only for the approved; a population here has neither problem.
- SHA256SUMS guards against damage and mix-ups, not against a person who replaces the whole folder.
"""

TRAINING: Final = """\
## Training
- Data: `scoring.training.generator.generate(rows={rows}, seed={seed})`; its latent process and its missing sources
  are described there.
- Credit labels exist for applicants who meant to pay; generated frauds are not rows of the credit model.
- Reproduce: `fenqi-score train --out DIR --seed {seed} --rows {rows}`; with the same versions the same
  bytes come out.
- 100 reference rows with the training library's own probabilities are stored and recomputed at every load,
  by the ONNX model and by the stored trees, to 1e-6.

## Inputs
Direction: + the risk never falls as the value rises, - it never rises, 0 free, blank not an input of that
model. `category_tuition` is the kind of goods (courses); it says nothing about the applicant's education.

| feature | fraud | credit |
| --- | --- | --- |
"""

GATE: Final = """\
## Champion, network and challenger
A small network, monotone in the same directions, joins the trees only where the blend of their logits beats the trees
by more than one standard error of the paired folds. Logistic regression is the permanent challenger: measured every
time, never served. Held-out AUC, means over the folds:

| model | trees | network | logistic | best blend: gain (standard error) | served |
| --- | --- | --- | --- | --- | --- |
"""

PROTECTED_TEXT: Final = ", ".join(sorted(name.replace("_", " ") for name in PROTECTED_ATTRIBUTES))
SIGN: Final = {1: "+", -1: "-", 0: "0", None: ""}
MEASURES: Final = (
    ("bad rate", "bad_rate"),
    ("AUC", "auc"),
    ("KS", "ks"),
    ("average precision", "average_precision"),
    ("recall at 1 % false positives", "recall_at_1_percent_fpr"),
    ("recall at 5 % false positives", "recall_at_5_percent_fpr"),
    ("Brier score", "brier"),
    ("calibration error, 10 equal-count bins", "ece_10_equal_count_bins"),
    ("accuracy of approving everybody", "accuracy_of_approving_everybody"),
)


def model_card(
    plan: TrainingPlan,
    measured: dict[str, Any],
    gates: Mapping[Model, Gate],
    *,
    xgboost: str,
    depth: int,
    folds: int,
) -> str:
    """The card of a bundle trained by ``plan``, with how the gate judged and the figures ``evaluate`` gave for it."""
    results = "\n".join(
        RESULT.format(task=f"{task} probability", **measured[task]) for task in ("fraud", "credit")
    )
    about = {"name": plan.name, "version": plan.version}
    inputs = "\n".join(f"| `{f.name}` | {SIGN[f.fraud]} | {SIGN[f.credit]} |" for f in FEATURES)
    return "\n".join(
        (
            HEADER.format(**about, results=results),
            INTRODUCTION.format(
                **about, trees=plan.trees, depth=depth, xgboost=xgboost, folds=folds, protected=PROTECTED_TEXT
            ),
            GATE + "\n".join(_judged(model, gate) for model, gate in gates.items()),
            "",
            TRAINING.format(rows=plan.rows, seed=plan.seed) + inputs,
            "",
            _evaluation(plan, measured),
        )
    )


def _judged(model: str, gate: Gate) -> str:
    alone = " | ".join(f"{gate.alone[name]:.4f}" for name in ("trees", "network", "logistic"))
    share = gate.weights["network"]
    served = f"trees {1 - share:g}, network {share:g}" if share else "trees alone"
    return f"| {model} | {alone} | {gate.gain:+.4f} ({gate.standard_error:.4f}) | {served} |"


def _evaluation(plan: TrainingPlan, measured: dict[str, Any]) -> str:
    fraud, credit, decided = measured["fraud"], measured["credit"], measured["decisions"]
    rows = "\n".join(f"| {label} | {fraud[name]} | {credit[name]} |" for label, name in MEASURES)
    segments = "\n".join(f"| {name} | {auc} |" for name, auc in credit["auc_by_segment"].items())
    outcomes, limits = decided["outcomes"], decided["limit_yuan"]
    return f"""\
## Evaluation
On {plan.evaluation_rows} freshly generated rows of another seed. Accuracy is not a goal here: the last line of the table is what doing
nothing reaches. Figures on synthetic data say nothing about real borrowers.

| measure | fraud | credit |
| --- | --- | --- |
{rows}

Looking at the riskiest 1 % of all applications finds {fraud["alerts"]["recall"]:.1%} of the frauds; {fraud["alerts"]["precision"]:.1%} of
what is looked at is fraud. Approving the best 70 % by credit score leaves {credit["bad_rate_ratio_at_70_percent_approved"]} of the default
rate of approving everybody.

| applicants (without frauds) | credit AUC |
| --- | --- |
{segments}

The default policy ({decided["policy"]}) on {decided["rows"]} of these rows: approve {outcomes["approve"]:.1%}, review {outcomes["review"]:.1%}, \
decline {outcomes["decline"]:.1%}; fraud among the approved {decided["fraud_rate"]["approved"]:.2%} (applied \
{decided["fraud_rate"]["applied"]:.2%}), default {decided["default_rate"]["approved"]:.2%} (applied {decided["default_rate"]["applied"]:.2%}); \
limits of the approved, 10th / 50th / 90th percentile: {limits.get("p10")} / {limits.get("p50")} / {limits.get("p90")} yuan.
"""  # noqa: E501
