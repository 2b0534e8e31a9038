"""No free text takes an ID number, however it is written, but for the fields that are for one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields

from gateway.app import APIS, OPERATOR_APIS
from gateway.checkout.forms import IdentityForm, PhoneForm
from gateway.core.identifiers import resident_id_check_digit
from gateway.core.masking import holds_person_or_phone, holds_personal_number, holds_resident_id
from gateway.identity.invented import invented_id_number
from gateway.web import fields as ours

ID_NUMBER, PERMIT = "11010519491231002X", "810000199408230021"
FOR_ONE = {
    "CompleteRequest.phone",
    "CompleteRequest.id_number",
    "IdentityForm.phone",
    "IdentityForm.id_number",
    "PhoneForm.phone",
    "InvitationRequest.email",
    "PayoutAccountRequest.number",
}
"""Fields that are for a number of a person, or (an address of a member of staff) may hold one."""
NO_TEXT = (
    ours.Choice,
    ours.WholeNumber,
    ours.QueryNumber,
    ours.CalendarDay,
    ours.Moment,
    fields.Boolean,
    fields.Float,
    ours.UploadedFile,
)
LISTED = {
    "QuoteQuery.terms",
    "EndpointRequest.enabled_events",
    "EndpointChange.enabled_events",
    "ReplayRequest.types",
}
"""Fields of their own that take members of a list and nothing else."""
FULL_WIDTH = {ord(digit): 0xFEE0 + ord(digit) for digit in "0123456789Xx"}
PARTS = ["", " ", "-", " - ", "\u3000", "\u2013", ".", "_", "/", "\u200b", "·"]


def inputs() -> Iterator[tuple[str, Any]]:
    """Every field that comes in, by schema and name."""
    asked = [op for api in (*APIS, *OPERATOR_APIS) for op in api.operations]
    schemas = [schema for op in asked for schema in (op.body, op.query) if schema is not None]
    named: dict[str, Schema] = {}
    for schema in [*schemas, PhoneForm, IdentityForm]:
        made: Schema = schema() if isinstance(schema, type) else schema  # type: ignore[assignment]
        named[type(made).__name__] = made
    for name, schema in named.items():
        for field_name, field in schema.fields.items():
            yield from _parts(f"{name}.{field_name}", field)


def _parts(path: str, field: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(field, fields.Nested):
        for name, inner in field.schema.fields.items():
            yield from _parts(f"{path}.{name}", inner)
    elif isinstance(field, fields.List):
        yield from _parts(f"{path}[]", field.inner)
    else:
        yield path, field


INPUTS = dict(inputs())


def written(number: str) -> list[str]:
    return [
        number,
        number.lower(),
        number.translate(FULL_WIDTH),
        f"{number[:6]} {number[6:14]} {number[14:]}",
        "\u3000".join(number.translate(FULL_WIDTH)),
        f"no_{number}号",
        "-".join((number[:6], number[6:14], number[14:])),
    ]


def refuses(field: Any, value: Any) -> bool:
    try:
        field.deserialize(value)
    except ValidationError as error:
        return ours.NOT_PERSONAL in str(error.messages)
    return False


def test_every_text_that_comes_in_is_of_a_type_that_refuses_or_takes_no_text() -> None:
    texts = {path: field for path, field in INPUTS.items() if isinstance(field, (ours.Line, ours.Metadata))}
    others = {path for path, field in INPUTS.items() if path not in texts and not isinstance(field, NO_TEXT)}
    assert others == LISTED
    for path in LISTED:
        with pytest.raises(ValidationError):
            INPUTS[path].deserialize([ID_NUMBER])
    assert {path for path, field in texts.items() if getattr(field, "personal", False)} == FOR_ONE
    accepted = []
    for path, field in texts.items():
        if path in FOR_ONE or getattr(field, "longest", 99) < 60:
            continue
        for text in (one for number in (ID_NUMBER, PERMIT) for one in written(number)):
            if isinstance(field, ours.Metadata):
                values: list[Any] = [{"note": text}, {text: "note"}]
            elif isinstance(field, ours.ReturnAddress):
                values = [
                    f"https://shop.example/{quote(text)}?a=1",
                    f"https://shop.example/?id={quote(text)}",
                ]
            else:
                values = [text]
            accepted += [(path, value) for value in values if not refuses(field, value)]
    assert accepted == []
    assert len(texts) > 40, "the walk has found the schemas"


def test_a_field_that_is_for_a_number_takes_it() -> None:
    assert INPUTS["CompleteRequest.id_number"].deserialize(ID_NUMBER) == ID_NUMBER
    assert INPUTS["CompleteRequest.phone"].deserialize("138 0013 8000") == "138 0013 8000"


@given(st.integers(0, 10**6), st.lists(st.sampled_from(PARTS), min_size=18, max_size=18))
def test_an_id_number_is_found_however_it_is_parted(seed: int, parts: list[str]) -> None:
    number = invented_id_number(str(seed))
    text = "".join(part + digit for part, digit in zip(parts, number, strict=True))
    for found in (holds_personal_number, holds_person_or_phone, holds_resident_id):
        assert found(f"for {text}, please")
        assert found(text.translate(FULL_WIDTH))
    wrong = number[:17] + resident_id_check_digit(number[:16] + str((int(number[16]) + 1) % 10))
    assert not holds_resident_id(wrong) or resident_id_check_digit(wrong[:17]) == wrong[17]


def luhn(stem: str) -> str:
    """The number with its check digit."""
    total = sum(
        sum(divmod(int(digit) * (2 if at % 2 == 0 else 1), 10)) for at, digit in enumerate(reversed(stem))
    )
    return stem + str(-total % 10)


@given(
    st.sampled_from(["35", "86", "01", "99", "45", "52", "62"]),
    st.text("0123456789", min_size=12, max_size=12),
)
def test_a_phones_own_number_is_nobodys(reporting_body: str, rest: str) -> None:
    imei = luhn(reporting_body + rest)
    assert ours.SerialNumber().deserialize(imei) == imei
    assert ours.Reference().deserialize(imei) == imei
    assert ours.Line().deserialize(f"Phone, IMEI {imei}").endswith(imei)


@given(st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ-/", min_size=1, max_size=40))
def test_a_serial_number_is_refused_only_for_an_id_number_with_its_check_digit(text: str) -> None:
    digits = "".join(char for char in text if char.isdigit())
    if len(digits) < 17:
        assert not holds_resident_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "iPhone 15 128 GB, 2026-11-23",
        "20261123000001",
        "2026112300000008",
        "SF1234567890123",
        "75812345678901",
        "100012043978",
        "6901443411573",
        "256 x 1440 x 900",
        "4242424242424241",
        "chk_01KATEZJ0013800138000ABCDE",
        "2026-11-23 14:05:59.123",
    ],
)
def test_numbers_of_trade_are_no_numbers_of_people(text: str) -> None:
    assert not holds_personal_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "13800138000", "138 0013 8000", "138-0013-8000", "+86 138 0013 8000", "+8613800138000", "８６-13800138000",
        "1 3 8 0 0 1 3 8 0 0 0", "１３８００１３８０００", "tel_13800138000", "4242 4242 4242 4242",
        "6222021001116660124", "378282246310005", "４２４２－４２４２－４２４２－４２４２",
    ],
)  # fmt: skip
def test_mobile_numbers_and_cards_are_found_however_they_are_written(text: str) -> None:
    assert holds_personal_number(text)
