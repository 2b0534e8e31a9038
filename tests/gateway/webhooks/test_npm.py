"""Deliveries are verified by the standard's own JavaScript library, too: the one that many shops will use."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.one_database import database_url  # noqa: F401

SNIPPET = Path(__file__).parents[3] / "sdk" / "js-snippet"
VERIFY = """
const {Webhook} = require('standardwebhooks');
const cases = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(cases.map(one => {
  Date.now = () => one.now * 1000;
  try { return new Webhook(one.secret).verify(one.body, one.headers).type; }
  catch (error) { return error.constructor.name; }
})));
"""


@pytest.fixture
def verify():
    node = shutil.which("node")
    if node is None or not (SNIPPET / "node_modules" / "standardwebhooks").is_dir():
        pytest.skip("no Node.js, or the snippet's packages are not installed: ./run test installs them")

    def run(cases):
        done = subprocess.run(
            [node, "-e", VERIFY],
            cwd=SNIPPET,
            input=json.dumps(cases),
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        return json.loads(done.stdout)

    return run


def test_the_javascript_library_accepts_each_delivery_and_no_changed_one(
    api, sink, hooked, deliver, clock, verify
):
    turned = api.post(f"/v1/webhook_endpoints/{hooked['id']}/rotate_secret").json
    api.captured()
    deliver()
    now = int(clock.now.timestamp())
    good = [
        {"secret": secret, "body": got.body.decode(), "headers": got.headers, "now": now}
        for got in sink.got
        for secret in (hooked["secret"], turned["secret"])
    ]
    types = sorted(["checkout.approved", "payment.authorized", "payment.captured"] * 2)
    assert sorted(verify(good)) == types
    one = good[0]
    bad = [
        {**one, "body": one["body"].replace("test", "live")},
        {**one, "body": one["body"] + " "},
        {**one, "headers": {**one["headers"], "webhook-id": "evt_other"}},
        {**one, "headers": {**one["headers"], "webhook-timestamp": str(now + 1)}},
        {**one, "now": now + 301},
        {**one, "now": now - 301},
        {**one, "secret": "whsec_" + "A" * 43 + "="},
    ]
    assert set(verify(bad)) == {"WebhookVerificationError"}
