"""Raspberry Pi's own packages as an apt repository, for Debians that have no Raspberry Pi: names, dependencies and versions as in
archive.raspberrypi.com, contents as far as the roles look at them."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
FILES = HERE / "hosts" / "stub_packages"
DOUBLES = HERE / "doubles"
KERNEL = Path("/proc/sys/kernel/osrelease").read_text().strip()
DIST_PACKAGES = "usr/lib/python3/dist-packages"
NAMES = frozenset(
    [
        "dkms",
        "linux-headers-rpi-2712",
        "hailo-all",
        "hailofw",
        "hailort",
        "hailo-dkms",
        "python3-hailort",
        "hailo-tappas-core",
        "rpicam-apps",
        "rpicam-apps-hailo-postprocess",
        "python3-picamera2",
        "raspi-firmware",
    ]
)


@dataclass
class Package:
    """What dpkg-deb makes one package of; ``files`` maps a path to text or bytes."""

    name: str
    version: str
    depends: str = ""
    breaks: str = ""
    files: dict[str, str | bytes] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    postinst: str = ""


def build_repository(folder: Path, *versions: str, driver: str = "", firmware: str = "") -> Path:
    """Make a flat repository with HailoRT in these versions; ``driver`` and ``firmware`` are of another one, if named."""
    folder.mkdir(parents=True, exist_ok=True)
    for version in versions:
        for package in hailo_packages(version, driver or version, firmware or version):
            build(package, folder)
    for package in pi_packages():
        build(package, folder)
    index(folder)
    return folder


def index(folder: Path) -> None:
    """Write the list that apt reads: every package in every version."""
    listed = subprocess.run(["dpkg-scanpackages", "-m", "."], cwd=folder, check=True, capture_output=True)
    (folder / "Packages").write_bytes(listed.stdout)


def hailo_packages(version: str, driver: str, firmware: str) -> Iterator[Package]:
    """HailoRT as `apt-cache show hailo-all` describes it: the driver is no dependency of it, but must not be older."""
    yield Package(
        "hailo-all", version,
        depends=f"hailofw (>= {firmware}), hailort (>= {version}), hailo-tappas-core (>= 3.31.0),"
        f" rpicam-apps-hailo-postprocess (>= 1.6.0), python3-hailort (>= {version})",
    )  # fmt: skip
    yield Package("hailofw", f"{version}-1", files={"usr/lib/firmware/hailo/stub-version": f"{firmware}\n"})
    command = (FILES / "hailortcli").read_text().replace("@VERSION@", version)
    yield Package("hailort", f"{version}-1", files={"usr/bin/hailortcli": command})
    yield Package(
        "hailo-dkms", f"{version}-1", depends="dkms",
        files={f"usr/lib/modules/{KERNEL}/updates/dkms/hailo_pci.ko": kernel_module(driver)},
        postinst=f"depmod {KERNEL}",
    )  # fmt: skip
    binding = f"{DIST_PACKAGES}/hailo_platform"
    yield Package(
        "python3-hailort", f"{version}-1", depends="python3, python3-numpy",
        folders={binding: DOUBLES / "hailo_platform"},
        files={f"{binding}/world.py": hailo_world(version)},
    )  # fmt: skip
    yield Package("hailo-tappas-core", "3.31.0+1-1")


def pi_packages() -> Iterator[Package]:
    """The rest: what builds drivers, the camera's software, the firmware's configuration."""
    yield Package("dkms", "3.0.10-8+deb12u1")
    yield Package("linux-headers-rpi-2712", "1:6.12.25-1+rpt1")
    yield Package("rpicam-apps-hailo-postprocess", "1.6.0-1", depends="rpicam-apps")
    yield Package(
        "rpicam-apps", "1.6.0-1", files={"usr/bin/rpicam-hello": (FILES / "rpicam-hello").read_text()}
    )
    yield Package(
        "python3-picamera2", "0.3.31-1", depends="python3, python3-numpy",
        folders={f"{DIST_PACKAGES}/{name}": DOUBLES / name for name in ("picamera2", "libcamera")},
    )  # fmt: skip
    yield Package(
        "raspi-firmware", "1:1.20250915-1",
        files={"boot/firmware/config.txt": (FILES / "config.txt").read_text()},
    )  # fmt: skip


def hailo_world(version: str) -> str:
    """The double's world, with this as the version that is installed when nothing else is said."""
    text = (DOUBLES / "hailo_platform" / "world.py").read_text()
    named, count = re.subn(r'"\d+\.\d+\.\d+"', f'"{version}"', text, count=1)
    assert count == 1
    return named


def kernel_module(version: str) -> bytes:
    """An object file in which modinfo finds this version; no kernel would load it."""
    folder = Path(subprocess.run(["mktemp", "-d"], check=True, capture_output=True, text=True).stdout.strip())
    try:
        (folder / "info").write_bytes(f"version={version}\0name=hailo_pci\0license=GPL v2\0".encode())
        subprocess.run(
            ["objcopy", "-I", "binary", "-O", "elf64-x86-64", "--rename-section", ".data=.modinfo", "info", "hailo_pci.ko"],
            cwd=folder, check=True,
        )  # fmt: skip
        return (folder / "hailo_pci.ko").read_bytes()
    finally:
        shutil.rmtree(folder)


def build(package: Package, folder: Path) -> Path:
    """Make the .deb."""
    root = folder / f".{package.name}"
    shutil.rmtree(root, ignore_errors=True)
    for path, source in package.folders.items():
        shutil.copytree(source, root / path, ignore=shutil.ignore_patterns("__pycache__"))
    write(root, package.files)
    write(root, {"DEBIAN/control": control(package)})
    if package.postinst:
        write(root, {"DEBIAN/postinst": f"#!/bin/sh\nset -e\n{package.postinst}\n"})
    subprocess.run(["chmod", "-R", "u=rwX,go=rX", root], check=True)
    built = folder / f"{package.name}_{package.version.replace(':', '%3a')}_all.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Znone", "--build", root, built], check=True, capture_output=True
    )
    shutil.rmtree(root)
    return built


def write(root: Path, files: Mapping[str, str | bytes]) -> None:
    for path, content in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        if file.read_bytes().startswith(b"#!"):
            file.chmod(0o755)


def control(package: Package) -> str:
    wants = f"Depends: {package.depends}\n" if package.depends else ""
    breaks = f"Breaks: {package.breaks}\n" if package.breaks else ""
    return (
        f"Package: {package.name}\nVersion: {package.version}\nArchitecture: all\nSection: video\nPriority: optional\n"
        f"Maintainer: Tests <nobody@example.org>\n{wants}{breaks}Description: a double for tests\n"
    )
