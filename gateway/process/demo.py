"""The demo: one command, one process, three merchants with their shops, and a page of addresses.

Everything is in test mode; lender, payment institution and message provider are simulators and say so. A second start
keeps the data.
"""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import shlex
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.security import generate_password_hash

import fenqi
import gateway as package
from fenqi.wsgi import wsgi_session
from gateway import keyring
from gateway.app import create_app, database_of, gateway_of, utc_now
from gateway.config import from_environment
from gateway.db.migrate import upgrade
from gateway.process import server, style
from gateway.process.onboarding import onboard
from gateway.web.context import Gateway

HOST = "127.0.0.1"
EXAMPLES = Path(package.__file__).parent.parent / "examples"
MERCHANTS: tuple[dict[str, Any], ...] = (
    {"shop": "phones", "name": "星河数码", "name_en": "Galaxy Phones", "category": "3c"},
    {"shop": "furniture", "name": "木与家", "name_en": "Wood & Home", "category": "furnishing"},
    {"shop": "courses", "name": "知行课堂", "name_en": "Zhixing Courses", "category": "education"},
)


def start(*, port: int, data_dir: str | None) -> int:
    """Prepare the data, announce the addresses, serve until Ctrl-C."""
    server.check_sdk_version()
    url = f"http://{HOST}:{port}"
    folder = Path(data_dir or os.environ.get("FENQI_DATA_DIR") or "var/demo").resolve()
    server.address_to_bind(HOST, port)
    settings = from_environment(data_dir=str(folder), public_url=url)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    upgrade(settings.database_url)
    keyring.init(settings, database_of(settings, clock=utc_now))
    facts = prepare(gateway_of(settings), folder, url)
    os.environ["FENQI_DATA_DIR"], os.environ["FENQI_PUBLIC_URL"] = str(folder), url
    os.environ.setdefault("FENQI_WEBHOOK_LOCAL", "1")  # the shops are served by this very process
    server.wait_until_open(url, lambda: print(page(facts, folder), flush=True))
    server.run("gateway.process.demo:site", host=HOST, port=port)
    print("\nStopped. The data is kept in " + str(folder), flush=True)
    return 0


def prepare(gateway: Gateway, folder: Path, url: str) -> dict[str, Any]:
    """The merchants of the demo, created once; ``demo.json`` holds their credentials for the next start.

    Beside it a file for each shop, such as ``phones.env``, holds the same for a shell.
    """
    path = folder / "demo.json"
    known = json.loads(path.read_text("utf-8"))["merchants"] if path.exists() else []
    by_shop = {row["shop"]: row for row in known if _exists(gateway, row["merchant"])}
    merchants = []
    for wanted in MERCHANTS:
        row = by_shop.get(wanted["shop"])
        if row is None:
            row = {"shop": wanted["shop"], **_onboarded(gateway, wanted, url)}
        if _shop_file(row["shop"]).exists():
            row.setdefault("desk_password", secrets.token_urlsafe(9))
            row.setdefault("desk_secret_key", secrets.token_urlsafe(32))
        _point_webhook(gateway, row, url)
        merchants.append(row)
    facts = {"base_url": url, "merchants": merchants}
    _write_secretly(path, json.dumps(facts, ensure_ascii=False, indent=2))
    for row in merchants:
        _write_secretly(folder / f"{row['shop']}.env", _environment(row, folder, url))
    return facts


def _environment(row: dict[str, Any], folder: Path, url: str) -> str:
    """What a shell sources to speak for a shop: the variables that the SDK and the commands read."""
    variables = {
        "FENQI_BASE_URL": url,
        "FENQI_CLIENT_ID": row["client_id"],
        "FENQI_CLIENT_SECRET": row["client_secret"],
        "FENQI_WEBHOOK_SECRET": row["webhook_secret"],
        "FENQI_DATA_DIR": str(folder),
    }
    if "desk_password" in row:
        variables["SHOP_SECRET_KEY"] = row["desk_secret_key"]
        variables["SHOP_DESK_PASSWORD_HASH"] = generate_password_hash(row["desk_password"])
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def _write_secretly(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_text(text, "utf-8")
    partial.replace(path)


def site() -> Any:
    """The WSGI application of the demo: gateway, portal and shops under one address."""
    server.leave_the_terminal()
    app = create_app()
    server.check_guards(app)
    keyring.check(app.extensions["fenqi"], record=False)
    server.begin_background_work(app)
    style.register(app)
    gateway: Gateway = app.extensions["fenqi"]
    facts = json.loads((gateway.settings.data_dir / "demo.json").read_text("utf-8"))
    mounts: dict[str, Any] = {"/portal": server.portal(app)}
    for row in facts["merchants"]:
        shop = _shop(app, row, gateway.settings.public_url)
        if shop is not None:
            mounts[f"/shops/{row['shop']}"] = shop
    return DispatcherMiddleware(app, mounts)


def page(facts: dict[str, Any], folder: Path) -> str:
    """What the command prints: where to look and how to log in."""
    url = facts["base_url"]
    lines = [
        "",
        "Fenqi is running in test mode. The lender, the payment institution and messages are simulated.",
        "",
    ]
    for row in facts["merchants"]:
        shop = []
        if "desk_password" in row:
            address = f"{url}/shops/{row['shop']}"
            shop = [f"    shop     {address}/", f"    desk     {address}/desk  {row['desk_password']}"]
        lines += [
            f"  {row['name']} · {row['name_en']}",
            *shop,
            f"    portal   {row['portal_email']}  {row['portal_password']}",
            f"    client   {row['client_id']}",
        ]
    lines += [
        "",
        f"  portal     {url}/portal/",
        f"  API        {url}/docs/api   ({url}/v1/openapi.json)",
        f"  components {url}/style",
        f"  messages   {folder / 'test-messages.jsonl'}   (invitations in test mode arrive here)",
        f"  secrets    {folder / 'demo.json'}   (in a shell: . {folder / 'phones.env'})",
        "",
        "  Buy a phone in instalments: phone 13800000001 is approved, the one-time code is 000000.",
        "  Ctrl-C stops.",
    ]
    return "\n".join(lines)


def _onboarded(gateway: Gateway, wanted: dict[str, Any], url: str) -> dict[str, Any]:
    return onboard(
        gateway,
        name=wanted["name"],
        name_en=wanted["name_en"],
        category=wanted["category"],
        mode="test",
        email=f"{wanted['shop']}@fenqi.example",
        webhook_url=f"{url}/shops/{wanted['shop']}/hooks",
        origins=[url],
    )


def _exists(gateway: Gateway, merchant_id: str) -> bool:
    from gateway.errors import NotFound  # noqa: PLC0415
    from gateway.merchants import service as merchants  # noqa: PLC0415

    with gateway.db.read() as tx:
        try:
            merchants.get(tx, merchant_id)
        except NotFound:
            return False
    return True


def _point_webhook(gateway: Gateway, row: dict[str, Any], url: str) -> None:
    """A demo on another port tells the shop at its new address; a merchant without a shop here is not told."""
    from gateway.core.tenant import Tenant  # noqa: PLC0415
    from gateway.webhooks.endpoints import service as webhooks  # noqa: PLC0415

    address = f"{url}/shops/{row['shop']}/hooks"
    tenant, enabled = Tenant(row["merchant"], "test"), _shop_file(row["shop"]).exists()
    gateway.db.write(lambda tx: webhooks.move_endpoints(tx, tenant, url=address, enabled=enabled))


def _shop(app: Flask, row: dict[str, Any], url: str) -> Flask | None:
    """The example shop of a merchant, if the examples are beside the package (they are not in the wheel)."""
    path = _shop_file(row["shop"])
    if not path.exists():
        return None
    client = fenqi.Fenqi(
        row["client_id"],
        row["client_secret"],
        base_url=url,
        webhook_secret=row["webhook_secret"],
        session=wsgi_session(app, url),
    )
    shop: Flask = _module(path).create_app(
        client,
        shop_url=f"{url}/shops/{row['shop']}",
        gateway_url=url,
        publishable_key=row["publishable_key"],
        database=app.extensions["fenqi"].settings.data_dir / f"shop-{row['shop']}.sqlite",
        secret_key=row["desk_secret_key"],
        desk_password_hash=generate_password_hash(row["desk_password"]),
    )
    return shop


def _shop_file(shop: str) -> Path:
    return EXAMPLES / shop / "shop.py"


def _module(path: Path) -> ModuleType:
    name = f"fenqi_example_{path.parent.name}"
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=[str(path.parent)])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
