"""A cursor goes on in the list that gave it, and nowhere else."""

from __future__ import annotations

from tests.gateway.conftest import problem
from tests.gateway.web.conftest import PARAMETER, World, for_people, operations
from tests.one_database import database_url  # noqa: F401


def test_no_list_goes_on_with_the_cursor_of_another(world: World) -> None:
    payment = world.ids["payment_id"]
    for number in range(2):
        refund = {"payment": payment, "amount": 100 + number, "kind": "goodwill", "reason": "late"}
        world.api.post("/v1/refunds", refund)
        world.api.checkout()
    paths = [one.path for one in operations() if one.lists and "cursor" in one.query.fields]
    cursors = {}
    for path in paths:
        where = PARAMETER.sub(lambda match: world.ids[match[1]], path)
        page = for_people(world.api, path).get(f"{where}?limit=1")
        assert page.status_code == 200, (path, page.text)
        if page.json["next_cursor"]:
            cursors[path] = page.json["next_cursor"]
            assert for_people(world.api, path).get(f"{where}?cursor={cursors[path]}").status_code == 200, path
    assert len(cursors) > 4, sorted(cursors)

    for path in paths:
        where = PARAMETER.sub(lambda match: world.ids[match[1]], path)
        for other, cursor in cursors.items():
            if other != path:
                refused = for_people(world.api, path).get(f"{where}?cursor={cursor}")
                assert refused.status_code == 400, (path, other, refused.text)
                assert problem(refused)["param"] == "cursor"
