"""The collection under the field's own judges: ansible-lint (production), yamllint, the parser, the packer."""

import os
import subprocess
import tarfile

import pytest
from provisioning import ANSIBLE, ROOT, program

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(300)]
EXAMPLE = ANSIBLE / "inventory" / "example"
PASSWORD = ("--vault-password-file", EXAMPLE / "vault-password")


def run(*command, folder=ANSIBLE):
    path = f"{program('python').parent}:{os.environ['PATH']}"
    environment = {
        **os.environ,
        "PATH": path,
        "ANSIBLE_NOCOLOR": "1",
        "NO_COLOR": "1",
        "ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg"),
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_ansible_lint_finds_nothing_with_its_strictest_profile():
    assert "Profile 'production' was required, and it passed." in run(
        program("ansible-lint"), "--offline", "-c", ".ansible-lint"
    )


def test_yamllint_finds_nothing():
    assert run(program("yamllint"), "--strict", ".") == ""


@pytest.mark.parametrize("playbook", sorted(path.name for path in (ANSIBLE / "playbooks").glob("*.yml")))
def test_a_playbook_can_be_read_with_the_example_inventory(playbook):
    run(
        program("ansible-playbook"),
        "--syntax-check",
        *PASSWORD,
        "-i",
        EXAMPLE / "hosts.yml",
        f"playbooks/{playbook}",
    )


def test_the_example_knows_every_secret_that_it_names():
    shown = run(
        program("ansible"), "box1.local", "-i", EXAMPLE / "hosts.yml", *PASSWORD, "-m", "ansible.builtin.debug",
        "-a", "msg={{ [broker_users, broker_tls_ca, broker_tls_certificate, broker_tls_key, hailo_board] }}",
    )  # fmt: skip
    assert "PRIVATE KEY" in shown
    assert "ai_kit" in shown


def test_the_packed_collection_holds_the_units_themselves(tmp_path):
    run(program("ansible-galaxy"), "collection", "build", "--output-path", tmp_path)
    (packed,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(packed) as tar:
        acl = tar.getmember("roles/broker/files/cardscanner.acl")
        assert acl.isfile()
        assert (
            tar.extractfile(acl).read() == (ROOT / "systemd" / "mosquitto" / "cardscanner.acl").read_bytes()
        )
        links = [member.name for member in tar if member.issym()]
        names = tar.getnames()
    assert links == []
    assert "roles/hailo/files/61-cardscanner.rules" in names
    assert "roles/cardscanner/files/systemd/cardscanner.service" in names
