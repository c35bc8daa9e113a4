"""The list of parts (SBOM) of a wheelhouse: CycloneDX 1.6 as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, License, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from license_expression import ExpressionError, get_spdx_licensing
from packageurl import PackageURL

from cardscanner.files import sha256_of
from cardscanner.manifest import MANIFEST, load_database_manifest, load_finder_manifest, load_model_manifest
from cardscanner.shipped import shipped_database, shipped_finder, shipped_model
from cardscanner_tools.dist.targets import Target
from cardscanner_tools.dist.wheels import Wheel

SBOM = "sbom.cdx.json"
_SPDX = get_spdx_licensing()
_IDENTITY = "the hash is of its manifest.json, which has the hashes of its files"


def write_sbom(wheels: Sequence[Wheel], target: Target, made: datetime, place: Path) -> None:
    """Write every wheel with version, SHA-256 and licence, numpy of the system, model, finder and database.

    The same parts and time give the same bytes.
    """
    product = next(each for each in wheels if each.key == "cardscanner")
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, f"cardscanner/{target.name}/{product.sha256}"))
    bom.metadata.timestamp = made
    bom.metadata.component = _of_wheel(product, ComponentType.APPLICATION)
    libraries = [_of_wheel(each, ComponentType.LIBRARY) for each in wheels if each is not product]
    parts = [*libraries, _numpy(target), *_artifacts()]
    bom.components.update(parts)
    bom.register_dependency(bom.metadata.component, parts)
    place.write_text(JsonV1Dot6(bom).output_as_string(indent=2) + "\n")


def _of_wheel(wheel: Wheel, kind: ComponentType) -> Component:
    address = PackageURL("pypi", None, wheel.key, wheel.version)
    return Component(
        type=kind,
        name=wheel.name,
        version=wheel.version,
        purl=address,
        bom_ref=str(address),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=wheel.sha256)],
        licenses=[_licence(wheel.licence)],
    )


def _numpy(target: Target) -> Component:
    address = PackageURL("deb", "debian", "python3-numpy", qualifiers={"distro": target.system.release})
    return Component(
        name="python3-numpy",
        version=target.system.numpy,
        purl=address,
        bom_ref=str(address),
        description="of the operating system, not in the wheelhouse",
    )


def _artifacts() -> list[Component]:
    """Return the finder, which goes with the program, and the shipped model and database beside it."""
    learnt = ComponentType.MACHINE_LEARNING_MODEL
    finder, model = load_finder_manifest(shipped_finder()), load_model_manifest(shipped_model())
    database = load_database_manifest(shipped_database())
    return [
        _artifact(learnt, shipped_finder(), finder.name, finder.version, finder.licence),
        _artifact(learnt, shipped_model(), model.name, model.version, model.licence),
        _artifact(ComponentType.DATA, shipped_database(), database.name, database.version, None),
    ]


def _artifact(kind: ComponentType, folder: Path, name: str, version: str, licence: str | None) -> Component:
    return Component(
        type=kind,
        name=name,
        version=version,
        description=_IDENTITY,
        bom_ref=f"{kind.value}/{name}/{version}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256_of(folder / MANIFEST))],
        licenses=[] if licence is None else [_licence(licence)],
    )


def _licence(stated: str) -> License:
    """Return an SPDX expression where the package's words are one, else the words."""
    try:
        return LicenseExpression(str(_SPDX.parse(stated, validate=True)))
    except ExpressionError:
        return DisjunctiveLicense(name=stated)
