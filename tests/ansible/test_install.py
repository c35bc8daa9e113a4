"""The tarball of one box and the choices of install.sh, without a host: what becomes of what a person says."""

import shlex
import subprocess
import tarfile
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from provisioning import ANSIBLE

from cardscanner.config import Config, machine_device_id
from cardscanner.errors import InputError
from cardscanner.files import sha256_of
from cardscanner.update.release import INDEX, Index, Listed
from cardscanner_tools.dist.box_tarball import write_box_tarball

INSTALL = ANSIBLE / "install"
SCRIPTS = [INSTALL / "install.sh", *sorted((INSTALL / "parts").iterdir())]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda each: each.name)
def test_a_script_is_plain_posix_shell(script):
    subprocess.run(["dash", "-n", script], check=True)


@pytest.fixture
def tarball(tmp_path):
    """An unpacked tarball with one database, and a place for what is remembered."""
    for name in ("database/demo", "model/cardnet/0.2.0"):
        (tmp_path / "site" / name).mkdir(parents=True)
    (tmp_path / "kept").mkdir()
    return tmp_path


def choose(tarball, *options, remember=True):
    """Choose without a terminal, as install.sh does; return what it says and its status."""
    steps = f"""
    . {INSTALL}/install.sh; . {INSTALL}/parts/checks.sh; . {INSTALL}/parts/choices.sh
    here={tarball} kept={tarball}/kept place={tarball}/kept work=$(mktemp -d)
    options {shlex.join(options)}
    choose; write_inventory; {"keep_choices" if remember else ":"}
    rm -r "$work"
    """
    return subprocess.run(
        ["dash", "-c", steps],
        cwd=INSTALL,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def variables(tarball):
    return yaml.safe_load((tarball / "kept" / "hosts.yml").read_text())["all"]["vars"]


def box_config(tarball):
    """The configuration as the role would make it, read by the scanner itself."""
    chosen = variables(tarball)["box_chosen"]
    folders = {"embedder": {"model": "m"}, "index": {"database": "d"}, "publish": {"backend": "mqtt"}}
    merged = {**chosen, **{name: {**more, **chosen.get(name, {})} for name, more in folders.items()}}
    return Config.model_validate(merged)


def test_without_a_word_it_is_a_pi_camera_the_processor_and_a_broker_of_its_own(tarball):
    done = choose(tarball)
    assert done.returncode == 0, done.stderr
    config = box_config(tarball)
    assert config.device_id == machine_device_id()
    assert (config.game, config.camera.backend, config.embedder.backend) == ("pokemon", "picamera2", "onnx")
    assert (config.publish.host, config.publish.port, config.publish.username) == (
        "localhost",
        1883,
        config.device_id,
    )
    told = variables(tarball)
    assert (told["ansible_connection"], told["cardscanner_hailo"], told["cardscanner_pi_camera"]) == (
        "local",
        False,
        True,
    )
    users = {each["name"]: each["password"] for each in told["broker_users"]}
    assert users.keys() == {config.device_id, "homeassistant", "inventory", "reader"}
    assert len(set(users.values())) == 4
    assert (tarball / "kept" / "mqtt-password").read_text().strip() == users[config.device_id]


def test_what_was_chosen_is_remembered_and_passwords_stay(tarball):
    choose(tarball, "--device-id", "counter-1", "--game=lorcana", "--camera", "usb:2")
    before = {file.name: file.read_text() for file in (tarball / "kept").iterdir()}
    assert choose(tarball).returncode == 0
    assert {file.name: file.read_text() for file in (tarball / "kept").iterdir()} == before
    assert (box_config(tarball).game, box_config(tarball).camera.device) == ("lorcana", 2)
    assert {file.stat().st_mode & 0o777 for file in (tarball / "kept").iterdir()} == {0o600}


def test_another_broker_gets_a_login_and_tls_and_none_of_the_old_secrets(tarball):
    password, authority = tarball / "pw.txt", tarball / "ca.pem"
    password.write_text("secret words\n")
    authority.write_text("-----BEGIN CERTIFICATE-----\n")
    choose(tarball)
    done = choose(
        tarball, "--broker", "mqtt.example.org", "--broker-user", "box 1", "--broker-password-file", str(password),
        "--broker-ca", str(authority),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    publish = box_config(tarball).publish
    assert (publish.host, publish.port, publish.username) == ("mqtt.example.org", 8883, "box 1")
    assert str(publish.tls.ca_file) == "$CREDENTIALS_DIRECTORY/broker-ca.pem"
    assert "brokers" not in yaml.safe_load((tarball / "kept" / "hosts.yml").read_text())
    assert not (tarball / "kept" / "passwords").exists()
    assert "secret" not in done.stdout + (tarball / "kept" / "hosts.yml").read_text()
    again = choose(tarball, "--broker", "other.example.org:1884")
    assert again.returncode == 0, again.stderr
    assert (box_config(tarball).publish.port, box_config(tarball).publish.username) == (1884, None)
    assert variables(tarball)["cardscanner_credentials"] == {}


def test_more_variables_are_kept_and_used_again(tarball):
    more = tarball / "more.yml"
    more.write_text("box_config: {decide: {report_no_match: true}}\n")
    choose(tarball, "--vars", str(more))
    more.unlink()
    choose(tarball)
    assert "report_no_match" in (tarball / "kept" / "vars.yml").read_text()


def test_a_model_for_the_chip_makes_the_chip_the_default(tarball):
    (tarball / "site" / "model" / "cardnet" / "0.2.0" / "model.hef").touch()
    choose(tarball)
    assert (variables(tarball)["cardscanner_hailo"], box_config(tarball).embedder.backend) == (True, "hailo")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--device-id", "all"], "not all"),
        (["--device-id", "Küche"], "a-z, 0-9 and -"),
        (["--game", "a b"], "--game"),
        (["--camera", "/no/film.mp4"], "there is no recording"),
        (["--camera", "/home/pi/film.mp4"], "neither homes"),
        (["--camera", "webcam"], "pi, usb"),
        (["--chip", "ai_hat"], "not compiled for the Hailo chip"),
        (["--chip", "gpu"], "ai_hat, ai_kit or none"),
        (["--database", "mine"], "the tarball has demo"),
        (["--broker", "mqtt://host"], "HOST[:PORT]"),
        (["--broker", "host", "--broker-user", 'a"b'], "no quotes"),
        (["--broker", "host", "--broker-user", "box1"], "with which password"),
        (["--broker", "here", "--broker-user", "box1"], "of its own"),
        (["--updates", "http://example.org"], "https://"),
        (["--vars", "/no/file"], "cannot be read"),
        (["--colour"], "is no option"),
        (["--game"], "needs a value"),
    ],
)
def test_what_cannot_be_is_refused_with_words_and_nothing_is_kept(tarball, options, words):
    done = choose(tarball, *options)
    assert done.returncode in {1, 2}
    assert words in done.stderr
    assert list((tarball / "kept").iterdir()) == []


def test_several_databases_are_a_question(tarball):
    (tarball / "site" / "database" / "mine").mkdir()
    assert "the tarball has demo mine" in choose(tarball).stderr
    assert choose(tarball, "--database", "mine").returncode == 0
    assert variables(tarball)["cardscanner_database"] == "mine"


def test_the_help_names_every_option_and_comes_without_being_root():
    said = subprocess.run(
        [INSTALL / "install.sh", "--help"], capture_output=True, text=True, check=True
    ).stdout
    text = (INSTALL / "install.sh").read_text()
    taken = {
        line.split(")")[0].strip()
        for line in text.splitlines()
        if line.strip().startswith("--") and ") chosen_" in line
    }
    assert len(taken) == 8
    assert [option for option in taken if option not in said] == []


PROGRAMS = ("cardscanner-cp311-aarch64", "cardscanner-cp313-aarch64")
THINGS = {
    **{("program", name): ("1.9.0", "1.10.0") for name in (*PROGRAMS, "cardscanner-cp311-x86_64")},
    ("model", "cardnet"): ("0.2.0",),
    ("database", "demo"): ("1.0.0",),
    ("database", "mine"): ("2026.11.1",),
}
MADE_S = 1_763_900_000


@pytest.fixture
def site(tmp_path):
    """A site with an index; two versions of each program, and one for a processor that nobody asked for."""
    listed = []
    for (kind, name), versions in THINGS.items():
        for version in versions:
            path = f"{kind}/{name}/{version}"
            (tmp_path / "site" / path).mkdir(parents=True)
            (tmp_path / "site" / path / "release.json").write_text(path)
            listed.append(Listed(kind=kind, name=name, version=version, path=path, sha256="0" * 64, size=1))
    now = datetime(2026, 11, 23, tzinfo=UTC)
    index = Index(serial=1, created=now, expires=now + timedelta(days=90), releases=tuple(listed))
    (tmp_path / "site" / INDEX).write_text(index.model_dump_json())
    (tmp_path / "site" / f"{INDEX}.minisig").write_text("signature")
    (tmp_path / "site" / "release.pub").write_text("key")
    return tmp_path / "site"


def write(site, name, programs=PROGRAMS):
    (site.parent / name).mkdir()
    return write_box_tarball(
        ANSIBLE, site, programs, site.parent / name / "cardscanner-1.10.0-box.tar.gz", MADE_S
    )


def test_the_tarball_has_the_newest_of_each_and_nothing_for_other_processors(site):
    with tarfile.open(write(site, "once")) as tar:
        names = tar.getnames()
        assert [each.name for each in tar if not each.isfile() or each.uid or each.mtime != MADE_S] == []
        executable = sorted(each.name.partition("/")[2] for each in tar if each.mode & 0o111)
    folder = "cardscanner-1.10.0-box"
    assert {name.split("/")[0] for name in names} == {folder}
    assert sorted(name for name in names if name.startswith(f"{folder}/site/")) == sorted(
        f"{folder}/site/{name}" for name in [
            *(f"program/{name}/1.10.0/release.json" for name in PROGRAMS), "model/cardnet/0.2.0/release.json",
            "database/demo/1.0.0/release.json", "database/mine/2026.11.1/release.json",
            INDEX, f"{INDEX}.minisig", "release.pub",
        ]
    )  # fmt: skip
    assert executable == ["ansible/roles/cardscanner/files/install-program", "install.sh"]
    assert f"{folder}/ansible/roles/cardscanner/files/systemd/cardscanner.service" in names
    assert not [name for name in names if "/inventory/" in name or "__pycache__" in name]


def test_the_same_site_gives_the_same_bytes(site):
    assert sha256_of(write(site, "once")) == sha256_of(write(site, "again"))


def test_its_list_of_hashes_is_right_and_finds_what_was_damaged(site):
    with tarfile.open(write(site, "once")) as tar:
        tar.extractall(site.parent, filter="data")
    folder = site.parent / "cardscanner-1.10.0-box"
    whole = f". {folder}/install.sh; here={folder}; whole"
    subprocess.run(["dash", "-c", whole], cwd=folder, check=True)
    (folder / "ansible" / "playbooks" / "site.yml").write_text("- hosts: all\n")
    (folder / "parts" / "checks.sh").unlink()
    refused = subprocess.run(["dash", "-c", whole], cwd=folder, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "ansible/playbooks/site.yml: FAILED" in refused.stderr
    assert "parts/checks.sh: FAILED open or read" in refused.stderr


def test_a_site_that_lacks_something_makes_no_tarball(site):
    with pytest.raises(InputError, match="has not what a box needs: cardscanner-cp315-aarch64"):
        write(site, "lacking", ["cardscanner-cp315-aarch64"])
    (site / INDEX).unlink()
    with pytest.raises(InputError, match="signed releases only"):
        write(site, "unsigned")
    assert not list(site.parent.glob("*/*.tar.gz"))


def test_a_tarball_that_is_too_old_starts_no_box_but_still_takes_choices(tarball):
    (tarball / "site" / INDEX).write_text('{"expires": "2020-01-01T00:00:00Z"}')
    fresh = f". {INSTALL}/install.sh; . {INSTALL}/parts/checks.sh; here={tarball}; provisioned() {{ %s; }}; fresh; echo $outdated"
    new = subprocess.run(
        ["dash", "-c", fresh % "false"], cwd=INSTALL, capture_output=True, text=True, check=False
    )
    assert new.returncode == 1
    assert "to be installed by 2020-01-01" in new.stderr
    old = subprocess.run(
        ["dash", "-c", fresh % "true"], cwd=INSTALL, capture_output=True, text=True, check=True
    )
    assert old.stdout.endswith("\nyes\n")
