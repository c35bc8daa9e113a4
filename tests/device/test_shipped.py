"""What comes with the project is found; what is not there is said with the way out."""

import sys
from pathlib import Path

import pytest

from cardscanner.errors import ArtifactError
from cardscanner.shipped import shipped_database, shipped_folder, shipped_model


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("CARDSCANNER_HOME", str(tmp_path))
    return tmp_path


def test_the_default_file_names_the_artifact(home):
    for kind, name in (("models", "cardnet/0.1.0"), ("db", "demo/1.0.0")):
        (home / kind / name).mkdir(parents=True)
        (home / kind / "DEFAULT").write_text(f"{name}\n")
    assert shipped_model() == home / "models/cardnet/0.1.0"
    assert shipped_database() == home / "db/demo/1.0.0"


def test_nothing_shipped_is_an_artifact_error_that_tells_what_to_do(home):
    with pytest.raises(ArtifactError, match="name a folder on the command line") as caught:
        shipped_model()
    assert str(home / "models" / "DEFAULT") in str(caught.value)
    with pytest.raises(ArtifactError, match="CARDSCANNER_HOME"):
        shipped_database()


def test_a_folder_of_the_project_is_found_by_name(home):
    (home / "demo").mkdir()
    assert shipped_folder("demo") == home / "demo"
    with pytest.raises(ArtifactError, match=f"the folder music/ is not here .*{home}"):
        shipped_folder("music")


def test_without_a_home_the_checkout_is_the_home(monkeypatch):
    monkeypatch.delenv("CARDSCANNER_HOME", raising=False)
    assert shipped_folder("device") == Path(__file__).parents[2] / "device"
    monkeypatch.setenv("CARDSCANNER_HOME", "")
    assert shipped_folder("device") == Path(__file__).parents[2] / "device"


def test_home_may_be_written_with_a_tilde(monkeypatch, tmp_path):
    (tmp_path / "scanner" / "demo").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CARDSCANNER_HOME", "~/scanner")
    assert shipped_folder("demo") == tmp_path / "scanner" / "demo"


def test_what_lies_beside_the_virtual_environment_is_found(monkeypatch):
    """As docs/install.md has it: /opt/cardscanner/venv beside /opt/cardscanner/models."""
    monkeypatch.delenv("CARDSCANNER_HOME", raising=False)
    with pytest.raises(ArtifactError) as caught:
        shipped_folder("music")
    assert str(Path(sys.prefix).parent) in str(caught.value)
