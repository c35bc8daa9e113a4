"""What several tests of the way out share."""

from __future__ import annotations

import pytest
from certificates import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """A certificate authority that the whole folder trusts."""
    return Authority(tmp_path_factory.mktemp("tls") / "ca")
