"""A fleet of booted hosts that become boxes: what is released for them, and what their inventory says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import yaml
from booted_hosts import Host, Hosts
from certificates import Authority
from dist_products import CACHE, changed_wheel
from provisioning import ANSIBLE, ROOT, Played, play, ssh_options
from releasing import redo_manifest, rename_cards

from cardscanner import __version__
from cardscanner.shipped import shipped_database, shipped_model
from cardscanner_tools.cli import main
from cardscanner_tools.dist.wheelhouse import write_requirements
from cardscanner_tools.dist.wheels import read_wheel
from cardscanner_tools.release.bundle import About, find_source, self_test_of, write_release
from cardscanner_tools.release.index_command import write_index
from cardscanner_tools.release.secret_key import new_key, read_key, write_key

FILM = "/var/local/film.mp4"
PASSWORD = "words of a box"


class Releases:
    """A signed site as ``make dist`` makes it, and later versions of what is in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = folder / "dist" / "site"
        folder.mkdir()
        write_key(new_key(), folder / "release.key", None)
        self._key = read_key(folder / "release.key", None)
        kept = CACHE / "cache"
        kept.mkdir(parents=True, exist_ok=True)
        (folder / "dist").mkdir()
        (folder / "dist" / "cache").symlink_to(kept)
        words = ["--machine", "x86_64", "--key", str(folder / "release.key")]
        assert main(["dist", "--out", str(folder / "dist"), *words]) == 0

    def database(self, version: str, site: Path | None = None, *, wrong: bool = False) -> None:
        """Release the demo database again; ``wrong``: every card has the name of another, well signed."""
        work = self.folder / f"db-{version}-{wrong}"
        shutil.copytree(shipped_database(), work)
        if wrong:
            rename_cards(work)
        redo_manifest(work, version=version)
        source = find_source(work)
        test = self_test_of(source, shipped_model(), None, None)
        write_release(source, site or self.site, self._key, test, About())
        write_index(site or self.site, self._key)

    def program(self, version: str) -> None:
        """Release the program again, under another version."""
        for old in sorted((self.folder / "dist").glob("wheelhouse-*")):
            work = self.folder / version / old.name
            shutil.copytree(old, work)
            (wheel,) = work.glob("cardscanner-*.whl")
            new = changed_wheel(wheel, self.folder / version, version, _calling_itself(version))
            wheel.unlink()
            new.rename(work / new.name)
            write_requirements(work, [read_wheel(path) for path in sorted(work.glob("*.whl"))])
            name = f"cardscanner-{'-'.join(old.name.split('-')[-2:])}"
            about = About(python=("3.11" if "cp311" in name else "3.13",), machine="x86_64")
            write_release(find_source(work, name, version), self.site, self._key, None, about)
        write_index(self.site, self._key)

    def another_site(self, name: str) -> Path:
        """Copy the site as it is now; releases go on in both."""
        return Path(shutil.copytree(self.site, self.folder / name))


def _calling_itself(version: str) -> dict[str, str]:
    source = ROOT / "device" / "cardscanner" / "__init__.py"
    return {"cardscanner/__init__.py": source.read_text().replace(f'"{__version__}"', f'"{version}"')}


class Fleet:
    """Boxes of one inventory, with one broker that speaks TLS."""

    def __init__(self, hosts: Hosts, broker: Host, boxes: list[Host], releases: Releases) -> None:
        self.hosts, self.broker, self.boxes, self.releases = hosts, broker, boxes, releases
        self.authority = Authority(hosts.folder / "authority")
        for box in boxes:
            hosts.controller(
                "scp", "-q", *ssh_options(hosts), ROOT / "demo" / "film.mp4", f"root@{box.address}:{FILM}"
            )
        self._inventory = hosts.folder / "inventory"
        (self._inventory / "host_vars").mkdir(parents=True)
        text = hosts.inventory().read_text()
        text = text.replace(
            next(line for line in text.splitlines(keepends=True) if line.startswith("broker ")), ""
        )
        (self._inventory / "hosts.ini").write_text(
            f"{text.replace('[boxes:vars]', '[all:vars]')}\n[brokers]\nbroker ansible_host={broker.address}\n"
        )
        self.vary("all", self._variables(), "group_vars")

    def vary(self, name: str, variables: dict[str, Any], kind: str = "host_vars") -> None:
        """Give a box, or all, variables in the inventory."""
        file = self._inventory / kind / f"{name}.yml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(yaml.safe_dump(variables))

    def play(self, playbook: str, *options: str, **variables: Any) -> Played:
        """Run one of the collection's playbooks."""
        return play(
            self.hosts,
            ANSIBLE / "playbooks" / f"{playbook}.yml",
            *options,
            variables=variables,
            inventory=self._inventory,
        )

    def in_use(self, kind: str = "database") -> list[str]:
        """Return the version that each box has, in order."""
        return [
            Path(box.run(f"readlink /var/lib/cardscanner/releases/{kind}/current").stdout.strip()).name
            for box in self.boxes
        ]

    def _variables(self) -> dict[str, Any]:
        issued = self.authority.issue("broker", address=self.broker.address)
        names = [box.name for box in self.boxes]
        return {
            "hailo_board": "ai_kit",
            "base_ntp_servers": ["10.77.0.1"],
            "broker_tls_ca": self.authority.cert.read_text(),
            "broker_tls_certificate": issued.cert.read_text(),
            "broker_tls_key": issued.key.read_text(),
            "broker_users": [{"name": name, "password": PASSWORD} for name in [*names, "inventory"]],
            "broker_scanners": names,
            "cardscanner_site": str(self.releases.site),
            "cardscanner_credentials": {
                "mqtt-password": PASSWORD,
                "broker-ca.pem": self.authority.cert.read_text(),
            },
            "cardscanner_config": {
                "device_id": "{{ inventory_hostname }}",
                # The only difference from a box with camera and chip: a recording, and the processor.
                "camera": {"backend": "replay", "path": FILM, "loop": True, "fps": 4},
                "embedder": {"backend": "onnx", "threads": 1},
                "publish": {
                    "host": self.broker.address,
                    "port": 8883,
                    "username": "{{ inventory_hostname }}",
                    "password_file": "$CREDENTIALS_DIRECTORY/mqtt-password",
                    "tls": {"ca_file": "$CREDENTIALS_DIRECTORY/broker-ca.pem"},
                },
            },
        }


def status_of(box: Host) -> dict[str, Any]:
    """Return what the box says of its updates."""
    told: dict[str, Any] = json.loads(box.run("cardscanner update status --json", user="cardscanner").stdout)
    return told
