"""The roster: rows in order, versions that differ, rubbish that does no harm."""

from datetime import UTC, datetime

import pytest
from fleets import info_of, state_of, update_of
from hypothesis import given, settings
from hypothesis import strategies as st

from cardscanner.fleet.box import Moment
from cardscanner.fleet.forms import COLUMNS, as_csv, as_document, glance
from cardscanner.fleet.roster import Roster
from cardscanner.fleet.table import finding_lines, painted, summary_line, table_lines
from cardscanner.fleet.words import LARGEST_BYTES
from cardscanner.publish.messages import Message
from cardscanner.publish.payload_state import ScanCounts


def now(s=0.0):
    return Moment(100.0 + s, datetime.now(UTC))


def say(roster, device, *, status=b"online", info=None, state=None, s=0.0):
    for kind, payload in (
        ("status", status),
        ("info", (info or info_of(device)).to_bytes()),
        ("state", (state or state_of()).to_bytes()),
        ("update", update_of().to_bytes()),
    ):
        roster.take(Message(f"cardscanner/{device}/{kind}", payload, False), now(s))


@pytest.fixture
def roster():
    roster = Roster()
    roster.listening(100.0)
    return roster


def lines_of(roster, width=120):
    rows = roster.rows(now())
    summary = glance(rows, "broker:1883", connected=True, foreign=roster.foreign)
    return [summary_line(summary), *table_lines(rows, width)]


def test_who_needs_attention_comes_first_then_by_name(roster):
    for device in ("b", "a", "c"):
        say(roster, device)
    say(roster, "y", state=state_of(reasons=("disk_low",)))
    say(roster, "z", status=b"offline")
    assert [row.device for row in roster.rows(now())] == ["z", "y", "a", "b", "c"]


def test_a_version_that_most_others_do_not_have_is_named(roster):
    for device in ("a", "b", "c"):
        say(roster, device)
    say(roster, "old", info=info_of("old", daemon="1.1.0"))
    say(roster, "other-game", info=info_of("other-game", game="mtg", db="7"))
    found = {row.device: [each.words for each in row.findings] for row in roster.rows(now())}
    assert found == {"old": ["program 1.1.0, most have 1.2.0"], "a": [], "b": [], "c": [], "other-game": []}


def test_two_boxes_make_no_majority(roster):
    say(roster, "a")
    say(roster, "b", info=info_of("b", daemon="1.1.0"))
    assert not any(row.findings for row in roster.rows(now()))


def test_scans_per_hour_are_the_boxs_own_count_or_else_the_mean_since_its_start(roster):
    say(roster, "new", state=state_of(scans=ScanCounts(match=900, last_hour=33)))
    say(roster, "older", state=state_of(scans=ScanCounts(match=900, no_match=100), uptime_s=7200))
    rows = {row.device: row for row in roster.rows(now())}
    assert (rows["new"].scans_per_hour, rows["new"].scans_over_s) == (33, 3600)
    assert (rows["older"].scans_per_hour, rows["older"].scans_over_s) == (500, 7200)
    assert any(" ~500 " in line for line in lines_of(roster))


def test_a_box_that_is_expected_and_unknown_is_missing():
    roster = Roster(["a", "b"])
    say(roster, "a")
    assert [(row.device, [each.name for each in row.findings]) for row in roster.rows(now())] == [
        ("b", ["missing"]),
        ("a", []),
    ]


def test_a_box_whose_kept_messages_are_taken_out_is_forgotten(roster):
    say(roster, "a")
    for kind in ("status", "info", "state", "update"):
        roster.take(Message(f"cardscanner/a/{kind}", b"", False), now())
    assert roster.rows(now()) == []


def test_rubbish_is_counted_and_makes_no_box(roster):
    nested = b"[" * 30_000
    for topic, payload in (
        ("cardscanner/all/state", b"{}"),
        ("cardscanner/Shouting/state", b"{}"),
        ("cardscanner/x/state/deeper", b"{}"),
        ("cardscanner/x", b"{}"),
        ("cardscanner/x/state", nested),
        ("cardscanner/x/info", info_of("someone-else").to_bytes()),
        ("cardscanner/x/update", b"\xff\xfe"),
        ("cardscanner/x/status", b"perhaps"),
        ("cardscanner/x/state", b" " * (LARGEST_BYTES + 1)),
        ("zigbee/x/state", b"{}"),
    ):
        roster.take(Message(topic, payload, True), now())
    assert roster.rows(now()) == []
    assert roster.foreign == 10


def test_what_a_box_says_wrong_is_named_beside_what_it_says_right(roster):
    say(roster, "a")
    roster.take(Message("cardscanner/a/state", b'{"v": 2}', False), now())
    (row,) = roster.rows(now())
    assert [each.name for each in row.findings] == ["unreadable"]
    say(roster, "a")
    (row,) = roster.rows(now())
    assert row.findings == ()


def test_no_box_can_move_the_cursor(roster):
    say(roster, "a", state=state_of(reasons=("\x1b[2Jx\n",)))
    (row,) = roster.rows(now())
    assert not any(set(line) & {"\x1b", "\n"} for line in [*lines_of(roster), *finding_lines(row, 80)])
    assert "\x1b[2J" not in "".join(table_lines([row], 100, painted))


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 300])
def test_no_line_is_wider_than_the_terminal_and_the_name_is_always_there(roster, width):
    for number in range(30):
        say(roster, f"a-rather-long-{number:02}", state=state_of(reasons=("camera_lost", "disk_low")))
    rows = roster.rows(now())
    lines = table_lines(rows, width, most=10)
    assert len(lines) == 10
    assert all(len(line) <= width for line in lines)
    assert lines[1].startswith("a-rather-long-00")


def test_the_forms_for_programs_have_every_row_with_the_same_fields(roster):
    say(roster, "a", status=b"offline")
    say(roster, "b")
    rows = roster.rows(now())
    document = as_document(rows, glance(rows, "x", connected=True, foreign=0), now().wall)
    assert (document["v"], document["boxes"], document["online"], document["attention"]) == (1, 2, 1, 1)
    assert set(document["rows"][0]) == set(COLUMNS) - {"words"}
    assert as_csv(rows).splitlines()[0] == ",".join(COLUMNS)
    assert len(as_csv(rows).splitlines()) == 3


TOPICS = st.one_of(
    st.builds(
        "cardscanner/{}/{}".format,
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["status", "info", "state", "update"]),
    ),
    st.text(max_size=40),
)
DOCUMENTS = [
    info_of("a").to_bytes(),
    state_of().to_bytes(),
    update_of().to_bytes(),
    b"online",
    b"offline",
    b"",
]


@st.composite
def payloads(draw):
    """Return what a box says, whole, cut off, or with a byte changed; or anything."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=200))
    document = bytearray(draw(st.sampled_from(DOCUMENTS)))
    if document and draw(st.booleans()):
        place = draw(st.integers(0, len(document) - 1))
        document[place] = draw(st.integers(0, 255))
    return bytes(document[: draw(st.integers(0, len(document)))] if draw(st.booleans()) else document)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(TOPICS, payloads(), st.booleans()), max_size=30))
def test_whatever_is_published_a_table_can_be_made_of_it(messages):
    roster = Roster()
    roster.listening(0.0)
    for s, (topic, payload, kept) in enumerate(messages):
        roster.take(Message(topic, payload, kept), now(s))
    lines_of(roster, 80)
    rows = roster.rows(now(1e6))
    as_csv(rows)
    as_document(rows, glance(rows, "x", connected=False, foreign=roster.foreign), now().wall)
