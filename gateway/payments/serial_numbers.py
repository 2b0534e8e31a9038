"""Serial numbers of what left the shop: each leaves once, and a phone's is its IMEI."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.core.identifiers import NotAnIdentifier, check_imei
from gateway.db.transactions import Transaction
from gateway.errors import SerialNumberTaken, ValidationFailed
from gateway.payments.models import Capture, CapturedSerial, Payment, PaymentLine


def checked(lines: Mapping[int, PaymentLine], items: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    """The numbers of a capture's ``items`` as they are kept, each after its field. Raises ``ValidationFailed``."""
    numbers: list[tuple[str, str]] = []
    for index, item in enumerate(items):
        param = f"items[{index}].serial_numbers"
        for text in item["serial_numbers"]:
            try:
                numbers.append((param, _serial_number(lines[item["line"]], text)))
            except NotAnIdentifier as error:
                detail = f"{error} {text!r} is sent for line {item['line']}."
                raise ValidationFailed([{"param": param, "code": "invalid", "detail": detail}]) from None
    return numbers


def take(tx: Transaction, payment: Payment, capture: Capture, numbers: Iterable[tuple[str, str]]) -> None:
    """Remember which numbers left with a capture. Raises ``SerialNumberTaken`` for one that left before."""
    for param, number in numbers:
        if tx.get(CapturedSerial, (payment.merchant_id, payment.mode, number)) is not None:
            raise SerialNumberTaken(f"The serial number {number!r} has already been captured.", param=param)
        tx.add(
            CapturedSerial(
                merchant_id=payment.merchant_id,
                mode=payment.mode,
                serial_number=number,
                capture_id=capture.id,
            )
        )
        tx.flush()


def _serial_number(line: PaymentLine, text: str) -> str:
    """The number as it is kept. A phone's is its IMEI; 15 digits of other electronics (3c) can only be one."""
    digits = text.replace(" ", "").replace("-", "")
    looks_like_imei = len(digits) == 15 and digits.isascii() and digits.isdigit()
    if line.subsidy_category == "phone" or (line.category == "3c" and looks_like_imei):
        return check_imei(text)
    return text
