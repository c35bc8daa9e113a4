"""``cardscanner update --check``: what is newer, left for the daemon; nothing is installed."""

import json

import pytest
import yaml
from small_scanner import small_scanner

from cardscanner import __version__
from cardscanner.configfile import load_config
from cardscanner.control.memory import versions
from cardscanner.manifest import load_database_manifest
from cardscanner.publish.payload_info import DatabaseInfoPayload


@pytest.fixture
def scanner(tmp_path):
    return small_scanner(tmp_path / "scanner")


def publish(scanner, *releases):
    folder = scanner.root / "published"
    folder.mkdir(exist_ok=True)
    (folder / "index.json").write_text(json.dumps({"format": 1, "releases": releases}))


def release(scanner, version, **more):
    return {
        "kind": "database",
        "name": load_database_manifest(scanner.database).name,
        "version": version,
        **more,
    }


def shown(scanner, path):
    """What the topic `update` says."""
    database = load_database_manifest(scanner.database)
    info = DatabaseInfoPayload(name=database.name, version=database.version, sha256=database.sha256, cards=1)
    return json.loads(versions(info, load_config(path)).to_bytes())


def test_without_a_source_it_says_so_and_all_is_well(cardscanner, scanner):
    said = cardscanner("update", "--check", "--config", scanner.config())
    assert (said.code, said.err) == (0, "")
    assert "no source of updates is configured (updates.source" in said.out
    assert not (scanner.root / "updates.json").exists()


def test_what_is_newer_is_said_and_shown_on_the_topic_update(cardscanner, scanner):
    path = scanner.config(updates={"source": "published"})
    before = shown(scanner, path)
    publish(scanner, release(scanner, "9999.1", summary="More cards", page="https://example.org/news"))
    said = cardscanner("update", "--check", "--config", path)
    assert said.code == 0
    assert "9999.1 is newer: More cards" in said.out
    assert f"daemon    cardscanner {__version__}: not in the index" in said.out
    assert "latest_version" not in before
    after = shown(scanner, path)
    assert after == {
        **before,
        "latest_version": "9999.1",
        "release_summary": "More cards",
        "release_url": "https://example.org/news",
    }


def test_a_script_can_ask_by_exit_code_and_read_json(cardscanner, scanner):
    path = scanner.config(updates={"source": "published"})
    publish(
        scanner, release(scanner, "9999.1"), {"kind": "daemon", "name": "cardscanner", "version": __version__}
    )
    said = cardscanner("update", "--check", "--newer", "--json", "--config", path)
    assert said.code == 100
    assert json.loads(said.out) == json.loads((scanner.root / "updates.json").read_text())
    by_kind = {each["kind"]: each for each in json.loads(said.out)["found"]}
    assert (by_kind["database"]["newer"], by_kind["daemon"]["newer"], by_kind["model"]["latest"]) == (
        True,
        False,
        None,
    )
    publish(scanner, release(scanner, "0.0.1"))
    assert cardscanner("update", "--check", "--newer", "--config", path).code == 0
    assert shown(scanner, path)["latest_version"] == shown(scanner, path)["installed_version"]


def test_an_index_that_cannot_be_read_is_a_failure_with_words_and_the_last_answer_stays(cardscanner, scanner):
    path = scanner.config(updates={"source": "published"})
    publish(scanner, release(scanner, "9999.1"))
    assert cardscanner("update", "--check", "--config", path).code == 0
    before = (scanner.root / "updates.json").read_bytes()
    (scanner.root / "published" / "index.json").write_text("{")
    said = cardscanner("update", "--check", "--config", path)
    assert (said.code, said.out) == (1, "")
    assert "no index of versions" in said.err
    (scanner.root / "published" / "index.json").unlink()
    assert "cannot be read" in cardscanner("update", "--check", "--config", path).err
    assert (scanner.root / "updates.json").read_bytes() == before


def test_an_answer_that_is_older_than_what_was_installed_since_is_no_news(scanner):
    path = scanner.config(updates={"source": "published"})
    manifest = load_database_manifest(scanner.database)
    found = {"kind": "database", "name": manifest.name, "installed": "0.1", "latest": "0.2", "newer": True}
    report = {"format": 1, "checked": "2026-11-23T00:00:00Z", "source": "x", "found": [found]}
    (scanner.root / "updates.json").write_text(json.dumps(report))
    assert shown(scanner, path)["latest_version"] == manifest.version
    document = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({k: v for k, v in document.items() if k != "updates"}))
    assert "latest_version" not in shown(scanner, path)


@pytest.mark.parametrize("source", ["http://example.org/cards", "ftp://example.org"])
def test_an_address_that_others_can_read_along_is_a_mistake_in_the_configuration(
    cardscanner, scanner, source
):
    said = cardscanner("update", "--check", "--config", scanner.config(updates={"source": source}))
    assert said.code == 78
    assert "updates.source" in said.err


def test_looking_is_asked_for_by_name(cardscanner):
    said = cardscanner("update")
    assert said.code == 2
    assert "--check" in said.err
