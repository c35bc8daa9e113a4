"""The collection as files: what belongs together says the same."""

import re
from pathlib import Path

import pytest
import yaml

import cardscanner

ROOT = Path(__file__).parents[2]
ANSIBLE = ROOT / "ansible"
ROLES = sorted(folder.name for folder in (ANSIBLE / "roles").iterdir())
COPIED = {
    "base/files/watchdog.conf": "system.conf.d/cardscanner.conf",
    "hailo/files/61-cardscanner.rules": "udev/61-cardscanner.rules",
    "broker/files/cardscanner.acl": "mosquitto/cardscanner.acl",
}


def load(path):
    return yaml.safe_load((ANSIBLE / path).read_text()) or {}


def options_of(role):
    return load(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"]["options"]


@pytest.mark.parametrize("role", ROLES)
def test_every_variable_of_a_role_is_described_and_every_described_one_exists(role):
    assert set(options_of(role)) == set(load(f"roles/{role}/defaults/main.yml"))


@pytest.mark.parametrize("role", ROLES)
def test_the_described_default_is_the_real_one(role):
    defaults = load(f"roles/{role}/defaults/main.yml")
    told = {name: option["default"] for name, option in options_of(role).items() if "default" in option}
    assert told == {name: defaults[name] for name in told}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_says_what_it_is_and_its_variables_bear_its_name(role):
    assert len((ANSIBLE / "roles" / role / "README.md").read_text().splitlines()) > 3
    assert all(name.startswith(f"{role}_") for name in options_of(role))


def test_the_collection_has_the_version_of_the_program():
    assert load("galaxy.yml")["version"] == cardscanner.__version__


@pytest.mark.parametrize(("copy", "source"), COPIED.items())
def test_what_a_role_copies_is_the_tested_file_itself(copy, source):
    assert (ANSIBLE / "roles" / copy).resolve() == ROOT / "systemd" / source


def modules():
    """Every module of every task, with the file that it stands in."""
    for file in [
        *ANSIBLE.glob("roles/*/tasks/*.yml"),
        *ANSIBLE.glob("roles/*/handlers/*.yml"),
        *ANSIBLE.glob("playbooks/*.yml"),
    ]:
        for name in re.findall(r"^\s+([a-z_]+(?:\.[a-z_]+)+):(?: |$)", file.read_text(), flags=re.MULTILINE):
            yield name, file.relative_to(ANSIBLE)


def test_only_what_every_ansible_has_is_used():
    used = list(modules())
    assert len(used) > 80
    assert [found for found in used if not found[0].startswith("ansible.builtin.")] == []


def test_services_are_never_touched_while_an_image_is_built():
    """Starting, reloading and restarting: in a chroot there is no systemd that could."""
    unguarded = []
    for file in [*ANSIBLE.glob("roles/*/tasks/*.yml"), *ANSIBLE.glob("roles/*/handlers/*.yml")]:
        for task in yaml.safe_load(file.read_text()):
            words = task.get("ansible.builtin.systemd_service", {})
            touches = {"state", "daemon_reexec"} & set(words) or "ansible.builtin.reboot" in task
            if touches and "is_chroot" not in str(task.get("when")) and file.name != "start.yml":
                unguarded.append((str(file.relative_to(ANSIBLE)), task["name"]))
    assert unguarded == []
