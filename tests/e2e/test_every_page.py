"""tmp"""
import pickle
import pytest
from tests.one_database import database_url  # noqa: F401
from tests.merchant_portal.conftest import app, api, clock, new_merchant, person
from tests.gateway.conftest import books
from tests.e2e.every_page import *
from pathlib import Path

def test_walk(app, person, books, clock, tmp_path):
    import os, traceback
    town = Town(app, person.portal.application, books, clock, person, tmp_path)
    walk = Walk({"gateway": app, "portal": town.portal})
    bad=[]
    for story in STORIES:
        town.api.login()
        try: story(walk, town)
        except BaseException: bad.append(traceback.format_exc()[-1500:])
    Path("/tmp/look/pages.pickle").write_bytes(pickle.dumps([vars(p) for p in walk.pages.values()]))
    print(len(walk.pages), sorted(walk.met))
    assert not bad, "\n=====".join(bad)
