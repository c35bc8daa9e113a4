"""``cardscanner run``: what keeps it from starting; the running daemon is in test_daemon.py."""

from __future__ import annotations

from thumbnails import thumbnail_model


def test_a_model_that_is_missing_ends_it_with_65(cardscanner, scanner):
    said = cardscanner("run", "--config", scanner.config(embedder={"backend": "onnx", "model": "nothing"}))
    assert said.code == 65
    assert f"cardscanner: {scanner.root}/nothing/manifest.json is missing" in said.err


def test_a_database_of_another_model_ends_it_with_65(cardscanner, scanner, tmp_path):
    other = thumbnail_model(tmp_path / "other", side=8)
    said = cardscanner("run", "--config", scanner.config(embedder={"backend": "onnx", "model": str(other)}))
    assert said.code == 65
    assert "cardscanner db build" in said.err


def test_a_recording_that_is_over_ends_it_well(cardscanner, scanner):
    said = cardscanner("run", "--config", scanner.config(outbox={"path": "run.db"}))
    assert said.code == 0
    assert [each["card"]["card_id"] for each in said.lines() if each.get("event_type") == "match"] == [
        "card-003"
    ]
