"""docs/metrics.md names every metric that there is, and no other."""

import re
from pathlib import Path

import httpx
from pages import serving_page
from prometheus_client.parser import text_string_to_metric_families

DOC = Path(__file__).parents[2] / "docs" / "metrics.md"
ELSEWHERE = {"cardscanner_soc_temperature_celsius", "cardscanner_npu_temperature_celsius"}
"""Only where the machine tells them."""


def test_the_document_names_every_metric(tmp_path):
    with serving_page(tmp_path) as page:
        page.room.vitals.stages.observe({"find": 1.0})
        text = httpx.get(f"{page.url}/metrics").text
    told = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in text_string_to_metric_families(text)
        if family.name.startswith("cardscanner_")
    }
    written = set(re.findall(r"`(cardscanner_[a-z_]+)(?:\{[a-z,]*\})?`", DOC.read_text(encoding="utf-8")))
    written |= set(re.findall(r"(cardscanner_[a-z]+_[a-z_]+)", DOC.read_text(encoding="utf-8")))
    assert told - written == set()
    assert {each for each in written if each not in told} <= ELSEWHERE
