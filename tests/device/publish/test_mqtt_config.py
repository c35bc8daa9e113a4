import pytest
from pydantic import ValidationError

from cardscanner.config import MqttConfig


def test_keeping_unheard_rows_needs_version_5():
    with pytest.raises(ValidationError, match="keep needs protocol: 5"):
        MqttConfig(backend="mqtt", protocol="3.1.1", unheard="keep")
    assert MqttConfig(backend="mqtt", protocol="5", unheard="keep").unheard == "keep"


def test_a_password_needs_a_user_name(tmp_path):
    with pytest.raises(ValidationError, match="password_file needs username"):
        MqttConfig(backend="mqtt", password_file=tmp_path / "password")
