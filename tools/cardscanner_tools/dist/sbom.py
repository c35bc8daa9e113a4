"""The list of parts (SBOM) of a wheelhouse: CycloneDX 1.6 as JSON."""

from __future__ import annotations

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

from cardscanner.manifest import DatabaseManifest, ModelManifest
from cardscanner_tools.dist.targets import Target
from cardscanner_tools.dist.wheelhouse import Wheel

SBOM = "sbom.cdx.json"
_SPDX = get_spdx_licensing()


def write_sbom(
    wheels: list[Wheel],
    target: Target,
    artifacts: list[ModelManifest | DatabaseManifest],
    made: datetime,
    place: Path,
) -> None:
    """Write every wheel with version, SHA-256 and licence, numpy of the system, model and database.

    The same parts and time give the same bytes.
    """
    product = next(each for each in wheels if each.name == "cardscanner")
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, f"cardscanner/{target.name}/{product.sha256}"))
    bom.metadata.timestamp = made
    bom.metadata.component = _of_wheel(product, ComponentType.APPLICATION)
    libraries = [_of_wheel(each, ComponentType.LIBRARY) for each in wheels if each is not product]
    numpy = PackageURL("deb", "debian", "python3-numpy", qualifiers={"distro": target.system.release})
    libraries.append(
        Component(
            name="python3-numpy",
            version=target.system.numpy,
            purl=numpy,
            bom_ref=str(numpy),
            description="of the operating system, not in the wheelhouse",
        )
    )
    bom.components.update(libraries)
    bom.register_dependency(bom.metadata.component, libraries)
    for manifest in artifacts:
        kind = (
            ComponentType.MACHINE_LEARNING_MODEL
            if isinstance(manifest, ModelManifest)
            else ComponentType.DATA
        )
        bom.components.add(
            Component(
                type=kind,
                name=manifest.name,
                version=manifest.version,
                description=f"space {manifest.space}",
                bom_ref=f"{kind.value}/{manifest.name}/{manifest.version}",
            )
        )
    place.write_text(JsonV1Dot6(bom).output_as_string(indent=2) + "\n")


def _of_wheel(wheel: Wheel, kind: ComponentType) -> Component:
    address = PackageURL("pypi", None, wheel.name.lower().replace("_", "-"), wheel.version)
    return Component(
        type=kind,
        name=wheel.name,
        version=wheel.version,
        purl=address,
        bom_ref=str(address),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=wheel.sha256)],
        licenses=[_licence(wheel.licence)],
    )


def _licence(stated: str) -> License:
    """Return an SPDX expression where the package's words are one, else the words."""
    try:
        return LicenseExpression(str(_SPDX.parse(stated, validate=True)))
    except ExpressionError:
        return DisjunctiveLicense(name=stated)
