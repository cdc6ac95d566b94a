"""The page's files: all there, served with their types, and nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from t2t_mm.serving.http import page_files
from t2t_mm.serving.http.page_files import PageFiles
from t2t_mm.serving.http.request_error import RequestError

FOLDER = Path(page_files.__file__).parents[1] / "page"
FILES = sorted(FOLDER.iterdir())
TYPES = {".html": "text/html", ".css": "text/css", ".js": "javascript", ".svg": "image/svg+xml"}
NAMESPACE = "http://www.w3.org/2000/svg"  # a name, never fetched
# What makes a browser fetch something: imports, attributes, url(), modules of the audio thread.
REFERENCES = (
    r"\b(?:from|import) '\./([^']+)'",
    r"(?:src|href)=\"([^\"#]+)\"",
    r"url\(['\"]([^'\"]+)",
    r"addModule\('([^']+)'\)",
)


@pytest.fixture(scope="module")
def client() -> TestClient:
    page = PageFiles().page
    return TestClient(Starlette(routes=[Route("/", page), Route("/{name}", page)]))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_file_is_served_with_its_type(client, path):
    answer = client.get(f"/{path.name}")
    assert answer.status_code == 200
    assert answer.content == path.read_bytes()
    assert TYPES[path.suffix] in answer.headers["content-type"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    tag = answer.headers["etag"]
    assert client.get(f"/{path.name}", headers={"If-None-Match": tag}).status_code == 304


def test_the_root_is_the_index(client):
    answer = client.get("/")
    assert answer.content == (FOLDER / "index.html").read_bytes()
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    with pytest.raises(RequestError, match="no such path"):
        client.get("/none.js")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_comes_from_elsewhere(path):
    text = path.read_text(encoding="utf-8").replace(NAMESPACE, "")
    assert not re.search(r"(https?:|['\"(]//)", text)
    assert not re.search(r"\beval\(|\bnew Function\b|innerHTML", text)


def references(path: Path) -> set[str]:
    text = path.read_text(encoding="utf-8")
    return {name for pattern in REFERENCES for name in re.findall(pattern, text)}


def test_what_is_referred_to_is_there_and_nothing_else_is():
    found, waiting = {"index.html"}, ["index.html"]
    while waiting:
        new = references(FOLDER / waiting.pop()) - found
        found |= new
        waiting += new
    assert found == {path.name for path in FILES}


def test_each_import_is_exported():
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        for names, module in re.findall(r"import \{ ([^}]+) \} from '\./([^']+)'", text):
            there = (FOLDER / module).read_text(encoding="utf-8")
            for name in names.split(", "):
                exported = rf"export (?:async )?(?:function|class|const) {name}\b"
                assert re.search(exported, there), f"{path.name} imports {name} of {module}"
                assert len(re.findall(rf"\b{name}\b", text)) > 1, f"{path.name}: {name} is unused"
