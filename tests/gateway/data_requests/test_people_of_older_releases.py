"""People stored by an older release stay readable after the migration, and get their day like everybody."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text

from gateway.app import gateway_of
from gateway.config import Settings
from gateway.db.engine import connect
from gateway.db.migrate import upgrade
from gateway.identity import service as identity
from gateway.privacy.vault import Vault

PERSON = {"name": "张三", "id_number": "11010519491231002X", "phone": "+8613800138000"}


def test_a_person_of_an_older_release_stays_readable_and_gets_a_day(tmp_path):
    url, data = f"sqlite:///{tmp_path / 'old.sqlite'}", tmp_path / "data"
    upgrade(url, "0005")
    vault = Vault.create(data)
    sealed = {
        f"{name}_sealed": vault.seal(value, table="shopper", row="shp_1", column=f"{name}_sealed")
        for name, value in PERSON.items()
    }
    engine = connect(url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO shopper (id, mode, id_number_lookup, phone_lookup, name_sealed, id_number_sealed,"
                " phone_sealed, created_at) VALUES ('shp_1', 'live', 'a', 'b', :name_sealed,"
                " :id_number_sealed, :phone_sealed, '2026-01-01T00:00:00.000000Z')"
            ),
            sealed,
        )
    engine.dispose()
    upgrade(url)
    gateway = gateway_of(Settings(database_url=url, data_dir=data))
    with gateway.db.read() as tx:
        assert identity.opened(tx, gateway.vault, "shp_1") == PERSON
        assert identity.left_to_reseal(tx) == 1
        day = tx.execute(text("SELECT keep_until FROM shopper")).scalar_one()
    assert abs(date.fromisoformat(day) - datetime.now(UTC).date() - timedelta(days=365)) <= timedelta(days=1)
