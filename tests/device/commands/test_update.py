"""``cardscanner update``: what is newer, what is installed, and what its exit codes mean."""

import json
import threading
import time
from contextlib import contextmanager

import pytest
from releasing import Box, workshop_and_scanner
from small_scanner import small_scanner

from cardscanner import __version__
from cardscanner.manifest import load_database_manifest
from cardscanner.update.settling import kept, took_back
from cardscanner_tools.release.bundle import About


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    workshop = workshop_and_scanner(tmp_path_factory.mktemp("site"))
    name = load_database_manifest(workshop.scanner.database).name
    workshop.database("0.9")
    workshop.database("1.0", about=About(notes="The first cards"))
    workshop.database("2.0", name=f"{name}-promo", self_test=workshop.test_of_the_good())
    workshop.index()
    workshop.name = name
    return workshop


@pytest.fixture
def box(shop, tmp_path):
    return Box(tmp_path / "box", shop)


def test_without_a_source_it_says_so_and_all_is_well(cardscanner, tmp_path):
    said = cardscanner("update", "--check", "--config", small_scanner(tmp_path / "scanner").config())
    assert (said.code, said.err) == (0, "")
    assert "no source of updates is configured (updates.source" in said.out


def test_a_release_is_found_installed_and_rolled_back(cardscanner, shop, box):
    first = ("--name", shop.name, "--version", "0.9")
    done = cardscanner("update", "install", "db", *first, "--json", "--config", box.path)
    assert json.loads(done.out.splitlines()[-1])["step"] == "good"  # there is nothing to go back to
    nothing = cardscanner("update", "rollback", "database", "--config", box.path)
    assert (nothing.code, box.in_use()) == (65, "0.9")
    done = cardscanner("update", "install", "db", "--json", "--config", box.path)
    assert done.code == 0, done.err
    steps = [json.loads(line)["step"] for line in done.out.splitlines()]
    assert steps[0] == "downloading"
    assert steps[-1] == "trial"  # no scanner runs that could judge it
    assert box.in_use() == "1.0"
    status = json.loads(cardscanner("update", "status", "--json", "--config", box.path).out)
    assert status["in_use"] == {"database": "1.0", "model": None, "program": None}
    assert "on trial" in cardscanner("update", "status", "--config", box.path).out
    tested = cardscanner("update", "selftest", "--config", box.path)
    assert (tested.code, tested.out) == (0, "14 of 14 pictures recognised\n")
    found = cardscanner("update", "--check", "--newer", "--config", box.path)
    assert found.code == 0
    assert f"database  {shop.name} 1.0: the newest" in found.out
    assert f"program   cardscanner {__version__}: not in the index" in found.out
    back = cardscanner("update", "rollback", "database", "--config", box.path)
    assert (back.code, "rolled back" in back.out) == (0, True)
    assert box.in_use() == "0.9"


def test_which_of_several_is_wanted_is_said_with_the_target(cardscanner, shop, box):
    install = ("update", "install", "--no-wait", "--config", box.path)
    unsaid = cardscanner(*install, "database")
    assert unsaid.code == 65
    assert f"say which database (--name): the index has {shop.name}, {shop.name}-promo" in unsaid.err
    assert cardscanner(*install, f"db={shop.name}-promo").code == 0
    assert box.in_use() == "2.0"
    assert load_database_manifest(box.releases.current("database")).name == f"{shop.name}-promo"


def test_a_name_that_the_source_does_not_have_is_refused_with_those_that_it_has(cardscanner, shop, box):
    said = cardscanner("update", "install", "database=chess", "--config", box.path)
    assert said.code == 65
    assert (
        f"the index has no database chess; it has {shop.name} 0.9, {shop.name} 1.0, {shop.name}-promo 2.0"
        in said.err
    )
    assert box.in_use() is None


def test_a_name_goes_with_its_own_target_alone(cardscanner, shop, box):
    said = cardscanner("update", "install", f"database={shop.name}", "model", "--config", box.path)
    assert said.code == 65
    assert "embedder.model is" in said.err  # it was looked for, and the box does not use releases of it
    assert box.in_use() is None


@pytest.mark.parametrize("target", ["deck", "deck=1", "=1", ""])
def test_a_target_that_does_not_exist_is_named_with_those_that_do(cardscanner, target):
    said = cardscanner("update", "install", target)
    assert said.code == 2
    assert f"{target.split('=')[0]!r} is none of database, db, model, program, daemon" in said.err


def test_a_script_can_ask_by_exit_code_and_read_json(cardscanner, shop, tmp_path):
    config = shop.scanner.config(
        updates={"source": str(shop.site), "keys": str(Box(tmp_path / "b", shop).keys)}
    )
    said = cardscanner("update", "check", "--newer", "--json", "--config", config)
    document = json.loads(said.out)
    by_kind = {each["kind"]: each for each in document["found"]}
    newer = by_kind["database"][
        "newer"
    ]  # the scanner's own database has the date of its build as its version
    assert said.code == (100 if newer else 0)
    assert document["source"] == str(shop.site)
    assert by_kind["database"]["latest"] == "1.0"
    assert by_kind["model"]["latest"] is None


def test_a_refusal_is_words_for_people_and_an_object_for_programs(cardscanner, shop, box):
    arguments = ("update", "install", "database", "--name", shop.name, "--version", "7", "--config", box.path)
    said = cardscanner(*arguments)
    assert said.code == 65
    assert f"the index has no database {shop.name} 7; it has {shop.name} 0.9, {shop.name} 1.0" in said.err
    document = json.loads(cardscanner(*arguments, "--json").out)
    assert document["error"]["code"] == "not_found"


def test_a_source_that_does_not_answer_is_a_failure_for_later(cardscanner, shop, tmp_path):
    box = Box(tmp_path / "box", shop, source=str(tmp_path / "unmounted"))
    said = cardscanner("update", "check", "--config", box.path)
    assert (said.code, said.out) == (1, "")
    assert "is it mounted" in said.err


@pytest.mark.parametrize("source", ["http://example.org/cards", "ftp://example.org"])
def test_an_address_that_others_can_read_along_is_a_mistake_in_the_configuration(
    cardscanner, shop, tmp_path, source
):
    said = cardscanner(
        "update",
        "--check",
        "--config",
        Box(tmp_path / "box", shop, source="x").scanner.config(updates={"source": source}),
    )
    assert said.code == 78
    assert "updates.source" in said.err


def test_what_to_do_is_asked_for_by_name(cardscanner):
    said = cardscanner("update")
    assert said.code == 2
    assert "check, install, status, rollback or selftest" in said.err


def test_the_configuration_is_named_before_or_after_the_action_or_by_the_environment(
    cardscanner, shop, box, monkeypatch
):
    nowhere = "/nowhere/cardscanner.yaml"
    for arguments in (("--config", box.path, "status"), ("status", "--config", box.path)):
        assert cardscanner("update", *arguments).code == 0
    assert nowhere in cardscanner("update", "--config", box.path, "status", "--config", nowhere).err
    assert "/etc/cardscanner/cardscanner.yaml" in cardscanner("update", "--help").out
    monkeypatch.setenv("CARDSCANNER_CONFIG", str(box.path))
    for action in ("status", "selftest"):
        assert "SUPPRESS" not in cardscanner("update", action).err
    assert cardscanner("update", "status").code == 0


@contextmanager
def restarting_scanner(releases, decide):
    """Watch until something is on trial, be away for a second, and decide."""
    watching = threading.Event()
    before = releases.in_use("database")

    def watch():
        with releases.watching():
            watching.set()
            while releases.in_use("database") == before:
                time.sleep(0.01)
        time.sleep(1)
        while not decide(releases):  # the link comes first, the trial a moment later
            time.sleep(0.01)

    thread = threading.Thread(target=watch)
    thread.start()
    assert watching.wait(10)
    yield
    thread.join()


def test_the_outcome_is_waited_for_while_the_scanner_starts_again(cardscanner, shop, box):
    first = ("update", "install", f"database={shop.name}", "--version", "0.9", "--config", box.path)
    assert cardscanner(*first).code == 0
    install = ("update", "install", "database", "--config", box.path)
    with restarting_scanner(box.releases, lambda releases: took_back(releases, "it saw nothing")):
        said = cardscanner(*install)
    assert said.code == 65
    assert "was rolled back: it saw nothing" in said.err
    with restarting_scanner(box.releases, kept):
        said = cardscanner(*install, "--again")
    assert (said.code, said.out.split()[-1]) == (0, "good")
