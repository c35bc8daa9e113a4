"""The files of the page, without a browser."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from cardscanner.control.settings import SETTABLE

STATIC = files("cardscanner.web") / "static"
FILES = {each.name: each.read_text(encoding="utf-8") for each in STATIC.iterdir()}
SCRIPTS = {name: text for name, text in FILES.items() if name.endswith(".js")}
STYLES = {name: text for name, text in FILES.items() if name.endswith(".css")}
PAGE = FILES["index.html"]


def test_the_page_is_found_as_a_resource_of_the_package():
    assert PAGE.startswith("<!doctype html>")
    assert "main.js" in SCRIPTS


@pytest.mark.parametrize("name", FILES)
def test_a_file_names_only_files_that_are_there(name):
    for found in re.findall(r"/static/([\w.-]+)", FILES[name]):
        assert found in FILES


def test_every_file_is_used():
    named = {found for text in FILES.values() for found in re.findall(r"/static/([\w.-]+)", text)}
    assert named | {"index.html"} == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_asked_from_anywhere_else(name):
    addresses = re.findall(r"\b(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}[^\s\"'<]*", FILES[name])
    assert [each for each in addresses if not each.endswith("www.w3.org/2000/svg")] == []


def test_the_page_fits_its_content_security_policy():
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", PAGE)
    assert not re.search(r"<script(?![^>]*\bsrc=)", PAGE)


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_a_card_is_called_never_becomes_markup(name):
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser"
    assert not re.search(forbidden, SCRIPTS[name])


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_import_names_what_the_other_module_exports(name):
    for names, module in re.findall(r'import \{([^}]+)\} from "/static/([\w.]+)"', SCRIPTS[name]):
        exported = set(re.findall(r"export (?:async )?(?:const|function|class) (\w+)", SCRIPTS[module]))
        wanted = {each.split(" as ")[0].strip() for each in names.split(",") if each.strip()}
        assert wanted <= exported, module
        used = SCRIPTS[name].split(f'from "/static/{module}"', 1)[1]
        assert all(re.search(rf"\b{each}\b", used) for each in wanted), f"{name} imports what it does not use"


def test_every_icon_that_is_used_is_drawn():
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', FILES["icons.svg"]))
    used = set(re.findall(r"icons\.svg#([\w-]+)", PAGE))
    used |= {found for text in SCRIPTS.values() for found in re.findall(r'icon(?::|\()\s*"([\w-]+)"', text)}
    assert used <= drawn


def test_every_element_that_a_script_looks_for_is_on_the_page():
    there = set(re.findall(r'\bid="([\w-]+)"', PAGE))
    wanted = {
        found
        for text in SCRIPTS.values()
        for found in re.findall(r'(?:byId|openDialog|\btext)\("([\w-]+)"', text)
    }
    assert wanted <= there


def test_dark_by_choice_is_dark_by_system():
    blocks = re.findall(r'\[data-theme="(?:light|dark)"\]\)? \{([^}]*)\}', STYLES["base.css"])
    assert len(blocks) == 2
    assert blocks[0].split() == blocks[1].split()


def test_every_setting_has_a_friendly_name():
    named = set(re.findall(r'"([\w.]+)": "', SCRIPTS["labels.js"]))
    assert {f"{section}.{key}" for section, keys in SETTABLE.items() for key in keys} <= named
    sections = re.search(r"SECTIONS = \{(.*?)\}", SCRIPTS["labels.js"], re.DOTALL)
    assert sections is not None
    assert set(re.findall(r"(\w+):", sections.group(1))) == set(SETTABLE)
