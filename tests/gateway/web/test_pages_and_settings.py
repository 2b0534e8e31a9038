"""Words in both languages, headers on every answer, every setting in the docs."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from gateway.config import WrongSetting, from_environment
from gateway.web import i18n
from tests.one_database import database_url  # noqa: F401

ROOT = Path(__file__).parents[3]
CONTRACT = Path(__file__).with_name("api_contract.txt")
"""What the API takes and answers, a line each: made with FENQI_WRITE_LISTING=1."""
CATALOGUES = sorted(
    {path.parent for path in ROOT.glob("gateway/*/locales/*.json")} | {ROOT / "merchant_portal/locales"}
)


def words(folder: Path, language: str) -> dict[str, str]:
    return json.loads((folder / f"{language}.json").read_text("utf-8"))


@pytest.mark.parametrize("folder", CATALOGUES, ids=lambda path: path.parent.name)
def test_both_languages_have_the_same_words_and_placeholders(folder):
    chinese, english = words(folder, "zh-CN"), words(folder, "en")
    assert chinese.keys() == english.keys()
    for key, text in chinese.items():
        assert text
        assert set(re.findall(r"{(\w+)}", text)) == set(re.findall(r"{(\w+)}", english[key])), key


def test_no_two_rooms_define_the_same_words():
    assert i18n.catalogue("zh-CN").keys() == i18n.catalogue("en").keys()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FENQI_DISCLOSURE_READING_SECONDS", "-1"),
        ("FENQI_FUNDER_TYPE", "pawnshop"),
        ("FENQI_PUBLIC_URL", "pay.example.com"),
        ("FENQI_SETTLEMENT_CUTOFF", "25:00"),
        ("FENQI_WORKER_IN_PROCESS", "maybe"),
        ("FENQI_WEBHOOK_PORTS", "443;80"),
        ("FENQI_WEBHOOK_PORTS", "0"),
        ("FENQI_WEBHOOK_LOCAL", "127.0.0.1"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_names_itself(name, value):
    with pytest.raises(WrongSetting, match=name):
        from_environment({name: value})


def test_every_answer_carries_the_security_headers(app):
    client, open_to_all = app.test_client(), set()
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()):
            continue
        path = re.sub(r"<[^>]+>", "x", rule.rule)
        answer = client.get(path, headers={"Accept": "text/html"})
        policy = answer.headers.get("Content-Security-Policy", "")
        assert "default-src 'none'" in policy, path
        assert "unsafe" not in policy, path
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        assert answer.headers["X-Request-Id"].startswith("req_"), path
        if "Access-Control-Allow-Origin" in answer.headers:
            open_to_all.add(path)
    public = {"/v1/plans", "/v1/openapi.json", "/js/versions.json", "/js/CHANGELOG.md"}
    assert open_to_all == public, "a quote by key, and public documents"


def terms(document: dict[str, Any]) -> list[str]:
    """The API document in lines, without what only a reader sees."""
    lines = [f"tags: {', '.join(tag['name'] for tag in document['tags'])}"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            scopes = [scope for way in operation.get("security", ()) for scope in way.get("oauth", ())]
            head = f"{method.upper()} {path}"
            lines.append(f"{head} {operation['operationId']}: {' '.join(scopes)}")
            lines += [
                f"{head} {parameter['in']} {parameter['name']}{'!' if parameter.get('required') else ''}: "
                f"{plainly(parameter['schema'])}"
                for parameter in operation.get("parameters", ())
                if parameter["in"] == "query"
            ]
            parts = {"takes": operation.get("requestBody", {}), **operation["responses"]}
            lines += [
                f"{head} {part}: {plainly(content)}"
                for part, said in parts.items()
                if part != "default"
                for content in [said.get("content")]
                if content
            ]
    for name, schema in document["components"]["schemas"].items():
        needed = schema.get("required", ())
        for field, found in schema.get("properties", {}).items():
            lines.append(f"{name}.{field}{'!' if field in needed else ''}: {plainly(found)}")
    return lines


def plainly(schema: Any) -> str:
    def bare(part: Any) -> Any:
        if isinstance(part, list):
            return [bare(one) for one in part]
        if not isinstance(part, dict):
            return part
        said = isinstance(part.get("description"), str)
        return {key: bare(one) for key, one in part.items() if not (said and key == "description")}

    return json.dumps(bare(schema), ensure_ascii=False, sort_keys=True).replace('"', "")


def test_the_openapi_document_is_valid_and_changes_with_its_listing(app):
    document = app.test_client().get("/v1/openapi.json").json
    validate(document)
    assert app.test_client().get("/docs/api").status_code == 200
    now = terms(document)
    if os.environ.get("FENQI_WRITE_LISTING"):
        CONTRACT.write_text("\n".join([*now, ""]), encoding="utf-8")
    assert now == CONTRACT.read_text(encoding="utf-8").splitlines(), (
        f"the API changed; if merchants may see that: FENQI_WRITE_LISTING=1 pytest {Path(__file__).name}"
    )


def test_unknown_paths_are_problems_for_programs_and_pages_for_people(app):
    client = app.test_client()
    assert client.get("/v1/nope").json["code"] == "not_found"
    assert "没有发生任何扣款" in client.get("/nope", headers={"Accept": "text/html"}).text


def test_the_price_line_may_ask_from_any_site(api):
    key = api.credentials["publishable_key"]
    answer = api.client.get(f"/v1/plans?amount=599900&key={key}")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert [plan["term"] for plan in answer.json["plans"]] == [3, 6, 9, 12]
    refused = api.client.get("/v1/plans?amount=599900&key=pk_test_nobody")
    assert (refused.status_code, refused.json["code"]) == (401, "unauthenticated")
    assert refused.headers["Access-Control-Allow-Origin"] == "*"


def test_a_tiny_amount_says_why_it_cannot_be_split(api):
    found = api.get("/v1/plans?amount=5000").json
    assert found["plans"] == []
    assert {row["reason"] for row in found["unavailable"]} == {"amount_below_minimum"}
