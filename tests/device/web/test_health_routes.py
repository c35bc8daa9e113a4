import time

import httpx
import pytest
from pages import serving_page
from prometheus_client.parser import text_string_to_metric_families

from cardscanner.facts import DeviceFacts
from cardscanner.manifest import load_database_manifest


@pytest.fixture
def page(tmp_path):
    with serving_page(tmp_path) as page:
        control = page.room.control
        database = load_database_manifest(control.config.index.database)
        control.facts = DeviceFacts(
            control.config, page.room.model, database, page.camera, control.outbox, control.vitals
        )
        yield page


def test_a_box_whose_parts_get_on_is_live_and_one_that_does_not_says_what_is_stuck(page):
    assert httpx.get(f"{page.url}/health/live").json() == {"live": True, "stuck": []}
    page.room.stuck = lambda: ["outbox"]
    answer = httpx.get(f"{page.url}/health/live")
    assert (answer.status_code, answer.json()) == (503, {"live": False, "stuck": ["outbox"]})


def ready(page) -> tuple[int, set[str]]:
    answer = httpx.get(f"{page.url}/health/ready")
    assert answer.json()["ready"] == (answer.status_code == 200)
    for each in answer.json()["reasons"]:
        assert each["words"]
        assert each["fix"]
    return answer.status_code, {each["part"] for each in answer.json()["reasons"]}


def test_a_box_is_ready_when_model_database_and_camera_are(page):
    status, parts = ready(page)
    assert status == 503
    assert {"model", "camera"} <= parts
    page.room.vitals.ready.set()
    assert ready(page) == (503, {"camera"})
    page.film()
    assert ready(page) == (200, set())
    page.camera.lost("unplugged")
    assert ready(page) == (503, {"camera"})


def test_an_accelerator_that_hangs_makes_a_box_unready(page):
    page.room.vitals.ready.set()
    page.film()
    page.room.vitals.enter("npu", "the call did not return; it is restarted")
    assert ready(page) == (503, {"accelerator"})
    page.room.vitals.leave("npu")
    assert ready(page) == (200, set())


def metrics(page) -> dict:
    text = httpx.get(f"{page.url}/metrics").text
    return {family.name: family for family in text_string_to_metric_families(text)}


def test_metrics_follow_the_naming_guide_and_name_no_card(page):
    page.film()
    page.room.vitals.stages.observe({"find": 3.0, "embed": 1700.0})
    page.scan(3)
    text = httpx.get(f"{page.url}/metrics").text
    assert "card-0" not in text
    found = metrics(page)
    ours = {name: family for name, family in found.items() if not name.startswith("process_")}
    assert len(ours) > 20
    for name, family in ours.items():
        assert name.startswith("cardscanner_")
        assert family.documentation.endswith(".")
        assert not name.endswith(("_percent", "_ms", "_count", "_kb"))
        if family.type == "counter":
            assert all(sample.name.endswith(("_total", "_created")) for sample in family.samples)
    assert found["process_resident_memory_bytes"].samples[0].value > 1e6


def test_metrics_say_what_the_parts_say(page):
    page.film()
    page.room.vitals.stages.observe({"find": 3.0, "embed": 1700.0})
    page.room.vitals.decided("match")
    page.room.vitals.enter("disk", "full")
    found = metrics(page)
    stage = found["cardscanner_stage_duration_seconds"].samples
    assert [each.value for each in stage if each.name.endswith("_count")] == [1, 1]
    find = {
        each.labels["le"]: each.value
        for each in stage
        if each.labels == each.labels | {"stage": "find"} and "le" in each.labels
    }
    assert (find["0.0025"], find["0.005"], find["+Inf"]) == (0, 1, 1)
    scans = {each.labels["result"]: each.value for each in found["cardscanner_scans"].samples}
    assert scans == {"match": 1, "ambiguous": 0, "no_match": 0}
    assert found["cardscanner_camera_frames"].samples[0].value == 1
    assert found["cardscanner_camera_up"].samples[0].value == 1
    assert {each.labels["reason"] for each in found["cardscanner_trouble"].samples} == {"disk"}


def test_metrics_may_be_for_those_alone_who_are_logged_in(tmp_path):
    with serving_page(tmp_path) as page:
        page.room.web = page.room.web.model_copy(update={"metrics": "login"})
        assert httpx.get(f"{page.url}/metrics").status_code == 401
        with page.client("bob") as viewer:
            assert viewer.get("/metrics").status_code == 200


def test_the_event_loop_itself_says_that_the_page_is_alive(page):
    time.sleep(0.6)
    assert page.room.vitals.stuck({"web": 0.5}) == []
