"""The example of docs/scores.md: what it asks is asked, and what it shows is what comes out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.one_database import database_url  # noqa: F401

PAGE = (Path(__file__).parents[3] / "docs/scores.md").read_text("utf-8")


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"no block of {language}"
    return found[1]


def test_the_answer_on_the_page_is_the_answer_to_the_question_on_the_page(partner: Any) -> None:
    question = json.loads(block("bash").partition("-d '")[2].rpartition("'")[0])
    shown = json.loads(block("json"))

    answer = partner.post("/v1/scores", question)

    assert answer.status_code == 201, answer.text
    assert answer.json.keys() == shown.keys()
    one_of_its_own = {"id", "created_at"}
    for name in answer.json.keys() - one_of_its_own:
        assert answer.json[name] == shown[name], name
