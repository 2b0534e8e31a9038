"""Our identifiers rise and cannot be guessed; people's are checked and masked."""

from __future__ import annotations

import random
import re
from datetime import date
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import identifiers
from gateway.core.identifiers import IdSource

TODAY = date(2026, 11, 23)


def source(*moments: int, seed: int = 7) -> IdSource:
    clock = iter(moments)
    return IdSource(lambda: next(clock), random.Random(seed).getrandbits)


def resident_id(birth: str, place: str = "110105", sequence: str = "002") -> str:
    stem = place + birth + sequence
    return stem + identifiers.resident_id_check_digit(stem)


def test_an_identifier_is_a_prefix_and_26_characters_of_crockford() -> None:
    assert re.fullmatch(r"chk_[0-7][0-9A-HJKMNP-TV-Z]{25}", source(1_795_406_400_000).new("chk"))


def test_the_first_ten_characters_are_the_milliseconds() -> None:
    body = source(1_469_918_176_385).new("pay").removeprefix("pay_")
    assert body[:10] == "01ARYZ6S41"  # the time of the ULID specification's example


@given(st.lists(st.integers(1_700_000_000_000, 1_900_000_000_000), min_size=2, max_size=50))
@settings(max_examples=50)
def test_identifiers_rise_even_when_the_clock_stands_or_goes_back(moments: list[int]) -> None:
    ids = source(*moments)
    minted = [ids.new("cap") for _ in moments]
    assert minted == sorted(set(minted))


def test_the_same_seed_and_clock_give_the_same_identifiers() -> None:
    one, two = source(5, 5, 9), source(5, 5, 9)
    assert [one.new("pay") for _ in range(3)] == [two.new("pay") for _ in range(3)]


def test_neighbours_in_one_millisecond_lie_far_apart() -> None:
    ids = source(5, 5)
    first, second = (
        int(
            ids.new("chk")[4:].translate(
                str.maketrans(identifiers.ALPHABET, "0123456789ABCDEFGHIJKLMNOPQRSTUV")
            ),
            32,
        )
        for _ in range(2)
    )
    assert second - first > 2**40


def test_threads_never_get_the_same_identifier() -> None:
    ids = IdSource(lambda: 5, random.Random(1).getrandbits)
    minted: list[str] = []
    threads = [Thread(target=lambda: minted.extend(ids.new("pay") for _ in range(200))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(minted)) == 800


def test_an_identity_number_gives_birth_date_and_age() -> None:
    found = identifiers.check_resident_id("11010519491231002x", TODAY)
    assert (found.number, found.born, found.age) == ("11010519491231002X", date(1949, 12, 31), 76)


@pytest.mark.parametrize(("birth", "age"), [("20081123", 18), ("20081124", 17), ("20261123", 0)])
def test_age_changes_on_the_birthday(birth: str, age: int) -> None:
    assert identifiers.check_resident_id(resident_id(birth), TODAY).age == age


@pytest.mark.parametrize(
    "number",
    [
        "",
        "110105194912310021",
        "11010519491231002",
        "A1010519491231002X",
        resident_id("20261124"),
        resident_id("18991231"),
        resident_id("19900230"),
        resident_id("19900101", place="999999"),
        resident_id("19900101", place="100000"),
    ],
)
def test_an_impossible_identity_number_is_refused_without_repeating_it(number: str) -> None:
    with pytest.raises(ValueError) as caught:
        identifiers.check_resident_id(number, TODAY)
    assert not number or number not in str(caught.value)


@pytest.mark.parametrize("place", ["810000", "820000", "830000"])
def test_residence_permits_for_hong_kong_macao_and_taiwan_are_accepted(place: str) -> None:
    assert identifiers.check_resident_id("810000199408230021", TODAY).age == 32
    assert identifiers.check_resident_id(resident_id("19940823", place=place), TODAY).born == date(
        1994, 8, 23
    )


def test_a_place_that_was_named_after_the_birth_is_known() -> None:
    # 500101 exists since 1997; who was born before and got a number after has it.
    assert identifiers.check_resident_id(resident_id("19900101", place="500101"), TODAY).age == 36


@pytest.mark.parametrize(
    "typed",
    [
        "１１０１０５１９４９１２３１００２Ｘ",
        "110105 19491231 002x",
        "1 1 0 1 0 5 1 9 4 9 1 2 3 1 0 0 2 X",
        "110105-19491231-002X",
        "\u200b110105\u300019491231\u00a0002X\ufeff",
    ],
)
def test_full_width_digits_spaces_and_what_is_invisible_do_not_matter(typed: str) -> None:
    assert identifiers.check_resident_id(typed, TODAY).number == "11010519491231002X"


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("110105491231002", "paper_old_id"),
        ("ＡＢＣ110012345678", "paper_permanent_residence"),
        (resident_id("19900101", place="911156"), "paper_permanent_residence"),
        ("H12345678", "paper_travel_permit"),
        ("m1234567801", "paper_travel_permit"),
        ("12345678", "paper_travel_permit"),
        ("E12345678", "paper_passport"),
        ("EA1234567", "paper_passport"),
        ("C01X00T47", "paper_passport"),
        ("123456789", "paper_passport"),
        ("A123456(7)", "paper_passport"),
        ("110105194912310021", "id_number_invalid"),
        ("110105199912319", "id_number_invalid"),
        ("1101054912310022X", "id_number_invalid"),
    ],
)
def test_a_document_that_is_not_served_is_named(number: str, reason: str) -> None:
    with pytest.raises(identifiers.NotAnIdentifier) as caught:
        identifiers.check_resident_id(number, TODAY)
    assert caught.value.reason == reason
    assert ("check its digits" in str(caught.value)) == (number == "110105194912310021")


@pytest.mark.parametrize("text", ["13800138000", "+8613800138000", "138 0013 8000", "138-0013-8000"])
def test_a_mobile_number_becomes_e164(text: str) -> None:
    assert identifiers.check_mobile(text) == "+8613800138000"


@pytest.mark.parametrize("text", ["19212345678", "16212345678", "17012345678"])
def test_newer_ranges_are_known(text: str) -> None:
    assert identifiers.check_mobile(text) == f"+86{text}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1380013800",
        "138001380001",
        "14100138000",
        "15400138000",
        "01012345678",
        "+14155552671",
        "1380013800O",
    ],
)
def test_what_is_no_mainland_mobile_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        identifiers.check_mobile(text)
