"""Products that the tests of this folder share."""

import pytest
from dist_products import make_dist

from cardscanner_tools.cli import main


@pytest.fixture(scope="session")
def signed(tmp_path_factory):
    """Everything, for every target, signed; only read by tests."""
    folder = tmp_path_factory.mktemp("signed")
    assert main(["release-key", "--out", str(folder / "keys"), "--no-password"]) == 0
    return make_dist(folder / "dist", "--key", folder / "keys" / "release.key")
