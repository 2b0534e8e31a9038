"""Results: attribute access over the answer's dictionary."""

from __future__ import annotations

import json
import pickle

import pytest

import fenqi
from fenqi import Checkout, Model, Payment, _models
from fenqi._model import Response

KINDS = [kind for kind in vars(_models).values() if isinstance(kind, type) and issubclass(kind, Model)]

PAYMENT = {
    "id": "pay_1",
    "object": "payment",
    "status": "authorized",
    "amount": 599900,
    "plan": {"object": "plan", "term": 6, "schedule": [{"period": 1, "payment": 100}]},
    "captures": [{"id": "cap_1", "amount": 5}],
    "metadata": {"items": "kept as text"},
    "items": [{"name": "phone"}],
    "invented_later": {"colour": "black"},
}


def test_fields_are_attributes_all_the_way_down() -> None:
    payment = Payment(PAYMENT)
    assert payment.amount == 599900
    assert payment.plan.schedule[0].payment == 100
    assert isinstance(payment.plan, fenqi.Plan)
    assert isinstance(payment.captures[0], fenqi.Capture)
    assert payment.items[0].name == "phone"
    assert payment.metadata == {"items": "kept as text"}


def test_field_newer_than_the_package_is_readable() -> None:
    assert Payment(PAYMENT).invented_later.colour == "black"


def test_misspelt_field_names_its_neighbours() -> None:
    with pytest.raises(AttributeError, match=r"no field 'amuont'; did you mean amount"):
        Payment(PAYMENT).amuont  # noqa: B018
    with pytest.raises(AttributeError, match="it has id"):
        Model({"id": "x"}).zzz  # noqa: B018


def test_equal_by_content_and_type() -> None:
    assert Payment(PAYMENT) == Payment(json.loads(json.dumps(PAYMENT)))
    assert Payment(PAYMENT) != Payment({**PAYMENT, "amount": 1})
    assert Payment(PAYMENT) != Checkout(PAYMENT)
    assert Payment(PAYMENT) != PAYMENT
    assert len({Payment(PAYMENT), Payment(dict(PAYMENT))}) == 1


def test_model_pickles() -> None:
    payment = Payment(PAYMENT, Response(200, {"X-Request-Id": "req_1"}))
    other = pickle.loads(pickle.dumps(payment))
    assert other == payment
    assert type(other) is Payment
    assert other.request_id is None


def test_repr_shows_no_more_than_type_id_status_amount() -> None:
    assert repr(Payment(PAYMENT)) == "<Payment id='pay_1' status='authorized' amount=599900>"
    assert repr(Model({"secret": "x"})) == "<Model>"


def test_to_dict_is_a_copy() -> None:
    payment = Payment(json.loads(json.dumps(PAYMENT)))
    copied = payment.to_dict()
    assert copied == PAYMENT
    copied["plan"]["term"] = 99
    copied["captures"].clear()
    assert payment.to_dict() == PAYMENT


def test_models_cannot_be_changed() -> None:
    payment = Payment(PAYMENT)
    with pytest.raises(AttributeError):
        payment.amount = 1
    with pytest.raises(AttributeError):
        payment.anything = 1  # type: ignore[attr-defined]


def test_answer_is_kept_with_the_object() -> None:
    payment = Payment(PAYMENT, Response(200, {"X-Request-Id": "req_1", "Idempotent-Replayed": "true"}))
    assert payment.request_id == payment.plan.request_id == "req_1"
    assert payment.last_response is not None
    assert payment.last_response.replayed


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_field_is_named_like_a_method(kind: type[Model]) -> None:
    methods = {name for name in dir(Model({})) if not name.startswith("_")}
    assert methods == {"last_response", "request_id", "to_dict"}
    assert not methods & set(kind.__annotations__)


def test_dir_lists_the_fields() -> None:
    assert {"amount", "invented_later", "to_dict"} <= set(dir(Payment(PAYMENT)))
