"""Installing signed releases: what is refused, why, and that what is in use stays untouched (F22)."""

import shutil
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from daemons import flip
from releasing import Box, Workshop, redo_manifest, signature_of, workshop_and_scanner
from web_site import WebSite

from cardscanner.errors import SourceAway, UpdateRefused
from cardscanner.match import open_database
from cardscanner.match.change import remove_cards
from cardscanner.publish.clock import clock_synced
from cardscanner.update.plan import Allowed, Wish, program_here
from cardscanner.update.release import INDEX, RELEASE, Release
from cardscanner.update.settling import kept, settle
from cardscanner.update.state import load_state
from cardscanner_tools.release.bundle import About, find_source, write_release
from cardscanner_tools.release.secret_key import new_key

DATABASE = Wish("database")
NOTHING_MORE = Allowed()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Versions 1.0 and 2.0 of a database, signed."""
    workshop = workshop_and_scanner(tmp_path_factory.mktemp("releases"))
    workshop.database("1.0")
    workshop.index()
    return workshop


@pytest.fixture
def shop(made, tmp_path):
    """A copy of the workshop that a test may spoil."""
    copy = Workshop(tmp_path / "workshop", made.scanner)
    copy.key = made.key
    shutil.copy(made.site.parent / "release.key", copy.site.parent)
    shutil.copytree(made.site, copy.site)
    return copy


@pytest.fixture
def box(shop, tmp_path):
    """A box with version 1.0 in use."""
    box = Box(tmp_path / "box", shop)
    box.put()
    assert box.in_use() == "1.0"
    return box


def refusal(box, wishes=(DATABASE,), allowed=NOTHING_MORE):
    """Install, expect a refusal that leaves everything as it was, and return it."""
    before = load_state(box.releases)
    with pytest.raises(UpdateRefused) as refused:
        box.updater.install(wishes, allowed)
    assert box.in_use() == "1.0"
    assert load_state(box.releases).previous == before.previous
    assert box.releases.versions("database") == ["1.0"]
    return refused.value


def test_the_newest_version_is_put_on_trial_and_two_are_kept(shop, box):
    for version in ("1.1", "1.2"):
        shop.database(version)
        shop.index()
        state = box.updater.install([DATABASE])
        assert state.change.step == "trial"
        assert box.in_use() == version
        assert kept(box.releases)
    assert box.releases.versions("database") == ["1.1", "1.2"]
    assert load_state(box.releases).previous == {"database": "1.1"}
    found = {each.kind: each for each in box.updater.look()}
    assert (found["database"].latest, found["database"].is_newer) == ("1.2", False)


def test_rolling_back_goes_to_the_version_before_and_the_bad_one_is_not_taken_again(shop, box):
    shop.database("1.1")
    shop.index()
    box.put()
    state = box.updater.rollback(["database"])
    assert (box.in_use(), state.change.step) == ("1.0", "rolled_back")
    found = {each.kind: each for each in box.updater.look()}["database"]
    assert not found.is_newer
    with pytest.raises(UpdateRefused, match="taken back on this box before") as refused:
        box.updater.install([DATABASE])
    assert refused.value.code == "known_bad"
    box.updater.install([DATABASE], Allowed(again=True))
    assert box.in_use() == "1.1"


def test_without_a_version_before_there_is_no_rollback(box):
    with pytest.raises(UpdateRefused, match="there is no version before"):
        box.updater.rollback(["database"])


def test_a_changed_release_is_a_bad_signature(shop, box):
    folder = shop.database("1.1")
    shop.index()
    path = folder / RELEASE
    path.write_bytes(path.read_bytes().replace(b'"notes": ""', b'"notes": " "'))
    listed = shop.index()  # the index is well signed, and lists what lies there
    assert listed.releases[-1].sha256 == sha256(path.read_bytes()).hexdigest()
    error = refusal(box)
    assert error.code == "bad_signature"
    assert "bad signature: the document is not what key" in str(error)


def test_a_changed_trusted_comment_is_a_bad_signature(shop, box):
    shop.database("1.1")
    shop.index()
    signature = signature_of(shop.site / INDEX)
    signature.write_text(signature.read_text().replace("trusted comment: index", "trusted comment: Index"))
    error = refusal(box)
    assert (error.code, "trusted comment was changed" in str(error)) == ("bad_signature", True)


def test_a_tampered_index_is_refused(shop, box):
    shop.database("1.1")
    shop.index()
    flip(shop.site / INDEX)
    assert refusal(box).code == "bad_signature"


def test_a_key_that_the_box_does_not_have_is_named(shop, box):
    folder = shop.database("1.1")
    stranger = new_key()
    shop.sign_release(folder, stranger)
    shop.index()
    error = refusal(box)
    assert error.code == "unknown_key"
    assert stranger.public.shown in str(error)
    assert shop.key.public.shown in str(error)


def test_a_second_key_takes_over_from_the_first(shop, box):
    second = new_key()
    box.trust(second.public)
    folder = shop.database("1.1")
    shop.sign_release(folder, second)
    shop.index()
    box.put()
    assert box.in_use() == "1.1"


def test_without_any_key_nothing_is_trusted(shop, box):
    shutil.rmtree(box.keys)
    assert refusal(box).code == "unknown_key"


def test_a_truncated_file_is_refused(shop, box):
    folder = shop.database("1.1", patches=0)
    shop.index()
    data = (folder / "manifest.json").read_bytes()
    (folder / "manifest.json").write_bytes(data[:-10])
    error = refusal(box)
    assert error.code == "truncated"
    assert f"has {len(data) - 10} bytes, the signed release says {len(data)}" in str(error)
    assert load_state(box.releases).change.step == "refused"


def test_a_damaged_file_is_refused(shop, box):
    folder = shop.database("1.1", patches=0)
    shop.index()
    flip(folder / "manifest.json")
    error = refusal(box)
    assert (error.code, "wrong SHA-256" in str(error)) == ("wrong_sha256", True)


@pytest.mark.parametrize("changes", [{"dim": 512}, {"space": "elsewhere"}])
def test_vectors_of_another_kind_are_refused_before_they_travel(shop, box, changes):
    folder = shop.database("1.1")
    shop.sign_release(folder, **changes)
    shop.index()
    with pytest.raises(UpdateRefused, match="install the two that belong together") as refused:
        box.updater.choose([DATABASE], Allowed())
    assert refused.value.code == "does_not_fit"
    assert refusal(box).code == "does_not_fit"


def test_a_manifest_that_is_not_what_was_signed_is_refused(shop, box):
    redo = shop.work / "other"
    shutil.copytree(shop.scanner.database, redo)
    redo_manifest(redo, version="1.1", space="elsewhere")
    folder = shop.database("1.1")
    shutil.copy(redo / "manifest.json", folder / "manifest.json")
    release = Release.model_validate_json((folder / RELEASE).read_bytes())
    entry = release.files["manifest.json"].model_copy(
        update={
            "sha256": sha256((redo / "manifest.json").read_bytes()).hexdigest(),
            "size": (redo / "manifest.json").stat().st_size,
        }
    )
    shop.sign_release(folder, files={**release.files, "manifest.json": entry})
    shop.index()
    error = refusal(box)
    assert (error.code, "its manifest says" in str(error)) == ("bad_document", True)


def test_an_older_version_is_refused_unless_it_is_allowed(shop, box):
    shop.database("0.9")
    shop.index()
    error = refusal(box, [Wish("database", "0.9")])
    assert error.code == "older"
    assert "older than 1.0, which is in use" in str(error)
    box.updater.install([Wish("database", "0.9")], Allowed(downgrade=True))
    assert box.in_use() == "0.9"


def test_the_version_in_use_is_not_installed_again(box):
    error = refusal(box)
    assert "is in use already" in str(error)


def test_an_index_that_was_replaced_since_is_a_replay(shop, box):
    old = shop.index()
    shop.database("1.1")
    shop.index()
    box.updater.look()
    shop.sign_index(old)
    error = refusal(box)
    assert (error.code, "it was replayed" in str(error)) == ("old_index", True)


def test_two_indexes_with_one_serial_are_refused(shop, box):
    index = shop.index()
    box.updater.look()
    shop.sign_index(index.model_copy(update={"releases": ()}))
    assert refusal(box).code == "old_index"


def test_an_expired_index_counts_as_such_when_the_clock_is_set(shop, box):
    index = shop.index()
    past = datetime.now(UTC) - timedelta(days=1)
    shop.sign_index(index.model_copy(update={"expires": past, "serial": index.serial + 1}))
    if clock_synced():
        assert refusal(box).code == "expired"
    else:
        assert box.updater.look()


def test_what_does_not_fit_on_the_disk_is_refused_before_it_is_fetched(shop, box):
    folder = shop.database("1.1")
    release = Release.model_validate_json((folder / RELEASE).read_bytes())
    huge = release.files["vectors.npy"].model_copy(update={"size": 2**60, "sha256": "0" * 64})
    shop.sign_release(folder, files={**release.files, "vectors.npy": huge})
    shop.index()
    error = refusal(box)
    assert error.code == "no_space"
    assert f"needs {2**60} bytes" in str(error) or "no space" in str(error)


def test_changes_that_were_made_on_the_box_are_not_dropped_unasked(shop, box):
    shop.database("1.1")
    shop.index()
    remove_cards(box.releases.folder("database", "1.0"), ["card-000"])
    with pytest.raises(UpdateRefused, match="was changed on this box") as refused:
        box.updater.install([DATABASE])
    assert refused.value.code == "changed_here"
    box.updater.install([DATABASE], Allowed(drop_changes=True))
    assert box.in_use() == "1.1"


def test_a_poisoned_database_fails_its_self_test(shop, box):
    """Well signed, but every card carries the name of another one."""
    shop.database("1.1", poison="table", self_test=shop.test_of_the_good())
    shop.index()
    error = refusal(box)
    assert error.code == "self_test"
    assert "self-test below its floor: 0 of 14 known pictures" in str(error)
    change = load_state(box.releases).change
    assert (change.step, change.why) == ("refused", str(error))


def test_nothing_is_installed_that_would_not_be_used(shop, box):
    with pytest.raises(UpdateRefused, match=r"embedder\.model is .* and not used") as refused:
        box.updater.install([Wish("model")])
    assert refused.value.code == "not_set_up"


def test_during_a_trial_nothing_else_is_changed(shop, box):
    shop.database("1.1")
    shop.index()
    box.updater.install([DATABASE])
    with pytest.raises(UpdateRefused, match="on trial"):
        box.updater.install([DATABASE])


def test_two_installers_do_not_meet(box):
    with box.releases.sole_installer(), pytest.raises(UpdateRefused, match="another update") as refused:
        box.updater.install([DATABASE])
    assert refused.value.code == "busy"


def test_a_source_that_is_not_there_is_no_verdict(shop, box):
    shop.site.rename(shop.site.with_name("unmounted"))
    with pytest.raises(SourceAway, match="is it mounted"):
        box.updater.install([DATABASE])
    assert box.in_use() == "1.0"


def test_a_scanner_that_does_not_get_ready_three_times_gets_its_old_version(shop, box):
    shop.database("1.1")
    shop.index()
    box.updater.install([DATABASE])
    for _ in range(3):
        assert settle(box.releases, starting=True).change.step == "trial"
    change = settle(box.releases, starting=True).change
    assert (change.step, box.in_use()) == ("rolled_back", "1.0")
    assert "did not get ready in 3 starts" in change.why


def test_of_a_changed_database_only_what_is_new_travels(shop, tmp_path):
    """Files that are here are linked, changed ones are patched; the result is byte for byte what was signed."""
    with WebSite(shop.site) as site:
        box = Box(tmp_path / "far", shop, source=site.address)
        box.put(version="1.0")
        whole = site.sent
        folder = shop.database("1.1", edit=lambda made: remove_cards(made, ["card-000", "card-005"]))
        shop.index()
        site.sent = 0
        box.put()
        documents = (folder / RELEASE).stat().st_size + (shop.site / INDEX).stat().st_size
        assert box.in_use() == "1.1"
        assert any("delta-1.sqlite" in path for path, _ in site.requests)
        assert not any("1.1/vectors.npy" in path for path, _ in site.requests)
        assert site.sent < 0.5 * whole
        assert site.sent - documents < 60_000
    with closing(open_database(box.releases.current("database"))) as database:
        assert database.row_of("card-005") is None
    first = (box.releases.folder("database", version) / "vectors.npy" for version in ("1.0", "1.1"))
    assert len({path.stat().st_ino for path in first}) == 1


def test_an_update_that_was_broken_off_goes_on_where_it_was(shop, tmp_path):
    with WebSite(shop.site) as site:
        box = Box(tmp_path / "far", shop, source=site.address)
        incoming = box.releases.incoming("database", "1.0")
        incoming.mkdir(parents=True)
        (original,) = (shop.site / "database").rglob("vectors.npy")
        size = original.stat().st_size
        (incoming / "vectors.npy.part").write_bytes(original.read_bytes()[: size // 2])
        box.put()
        ranges = [wanted for path, wanted in site.requests if path.endswith("vectors.npy")]
    assert ranges == [f"bytes={size // 2}-"]
    assert box.in_use() == "1.0"


def test_a_part_of_another_file_is_thrown_away(shop, tmp_path):
    box = Box(tmp_path / "far", shop)
    incoming = box.releases.incoming("database", "1.0")
    incoming.mkdir(parents=True)
    (incoming / "vectors.npy.part").write_bytes(b"something else")
    box.put()
    assert box.in_use() == "1.0"


def test_a_program_is_made_ready_by_the_installer_of_the_box(shop, tmp_path):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / "cardscanner-1.5.0.whl").write_bytes(b"wheel")
    installer = tmp_path / "install"
    installer.write_text(
        '#!/bin/sh\ntest -f "$1/cardscanner-1.5.0.whl" || exit 1\nmkdir "$1/venv" && echo $2 > "$1/venv/made"\n'
    )
    installer.chmod(0o755)
    box = Box(tmp_path / "far", shop)
    write_release(find_source(wheels, version="1.5.0"), shop.site, shop.key, None, About())
    shop.index()
    with pytest.raises(UpdateRefused, match=r"updates\.installer is not set"):
        box.updater.install([Wish("program")])
    box = Box(
        tmp_path / "able",
        shop,
        updates={"source": str(shop.site), "keys": "keys", "installer": str(installer)},
    )
    box.updater.install([Wish("program")])
    assert box.releases.in_use("program") == "1.5.0"
    assert (box.releases.current("program") / "venv" / "made").read_text() == "1.5.0\n"
    installer.write_text("#!/bin/sh\necho 'no wheel for this Python' >&2; exit 3\n")
    kept(box.releases)
    write_release(find_source(wheels, version="1.6.0"), shop.site, shop.key, None, About())
    shop.index()
    with pytest.raises(UpdateRefused, match=r"exit 3\): no wheel for this Python"):
        box.updater.install([Wish("program")])
    assert box.releases.in_use("program") == "1.5.0"


def test_model_and_database_that_belong_together_are_installed_at_once(shop, tmp_path):
    box = Box(
        tmp_path / "both",
        shop,
        embedder={"backend": "onnx", "model": "releases/model/current", "threads": 1},
    )
    shop.model("16")
    shop.index()
    box.updater.install([Wish("model"), Wish("database")])
    assert box.in_use() == "1.0"
    assert box.releases.in_use("model") == "16"


def test_of_programs_for_several_machines_the_one_for_this_machine_is_taken(shop, tmp_path):
    house = tmp_path / "wheelhouse"
    house.mkdir()
    (house / "requirements.txt").write_text("cardscanner==1.6.0\n")
    for name in (program_here(), "cardscanner-cp39-sparc64"):
        about = About() if name == program_here() else About(python=("3.9",), machine="sparc64")
        write_release(find_source(house, name, "1.6.0"), shop.site, shop.key, None, about)
    shop.index()
    installer = tmp_path / "installer"
    installer.write_text("#!/bin/sh\nmkdir $1/venv\n")
    installer.chmod(0o755)
    updates = {"source": str(shop.site), "keys": "keys", "timeout_s": 2, "installer": str(installer)}
    box = Box(tmp_path / "box", shop, updates=updates)
    (offered,) = [each for each in box.updater.look() if each.kind == "program"]
    assert (offered.name, offered.latest, offered.is_newer) == (program_here(), "1.6.0", True)
    box.updater.install([Wish("program")])
    assert box.releases.in_use("program") == "1.6.0"
    assert (box.releases.current("program") / "venv").is_dir()
