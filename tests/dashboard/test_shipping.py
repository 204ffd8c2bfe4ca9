"""What is shipped for the pages: files of others unchanged, nothing inline, nothing from elsewhere."""

import hashlib
import json
import re
from pathlib import Path

import pytest

import ltmc
from ltmc.distribution.contents import VENDORED
from tests.client import run_cli

DASHBOARD = Path(ltmc.__file__).parent / "dashboard"
TEMPLATES = sorted((DASHBOARD / "templates").glob("*.html"))


@pytest.mark.parametrize("name", VENDORED)
def test_a_file_of_others_is_as_it_was_published(name: str) -> None:
    content = (DASHBOARD / "static" / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == VENDORED[name].sha256
    notice = (DASHBOARD.parents[1] / "NOTICE").read_text()
    assert name in notice
    assert VENDORED[name].version in notice


def test_every_file_of_others_is_listed() -> None:
    assert {path.name for path in (DASHBOARD / "static").glob("*.min.*")} == set(VENDORED)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_escapes_and_brings_no_script_or_style_of_its_own(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(r"\|\s*safe|autoescape|Markup", text)
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|hx-on|hx-vals|hx-vars", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"""(?:src|href|action)=["']?(?:https?:)?//""", text)
    for form in re.findall(r'<form[^>]*method="post".*?</form>', text, re.DOTALL):
        assert "csrf_field(csrf)" in form


def test_check_looks_at_templates_and_static_files() -> None:
    found = run_cli("check", "--json")
    assert found.returncode == 0, found
    names = {(entry["kind"], entry["name"]) for entry in json.loads(found.stdout)["entries"]}
    assert {("data", f"ltmc.dashboard.templates/{path.name}") for path in TEMPLATES} <= names
    assert {("vendored", name) for name in VENDORED} <= names
