"""Who is asked for what, when, and when it is given up."""

from cardscanner.listen.gaps import Gaps, Stream
from cardscanner.listen.replays import ANSWER_S, GRACE_S, TRIES, Replays
from cardscanner.publish.payload_answer import Answer, AnswerError, ReplayData, Span

BOX = Stream("box-1", "b3f0")


def with_gap(first=6, last=8, stream=BOX):
    gaps = Gaps()
    for seq in (first - 1, last + 1):
        gaps.hear(stream, seq, f"{stream.device}-{seq}", 0.0)
    return gaps, Replays(gaps)


def ok(request, *, missing=(), count=0):
    data = ReplayData(epoch="b3f0", count=count, missing=missing, waiting=0, next_seq=None)
    return Answer[ReplayData](transaction=request.transaction, status="ok", data=data).to_bytes()


def refused(request, code):
    error = AnswerError(code=code, message="because")
    return Answer[ReplayData](transaction=request.transaction, status="error", error=error).to_bytes()


def test_a_gap_is_asked_for_when_it_has_had_time_to_close():
    _, replays = with_gap()
    assert replays.due(GRACE_S / 2) == ([], [])
    ((device, request),), words = replays.due(GRACE_S)
    assert (device, request.epoch, request.from_seq, request.to_seq) == ("box-1", "b3f0", 6, 8)
    assert words == []
    assert replays.due(GRACE_S + 1) == ([], [])


def test_a_device_that_does_not_answer_is_asked_three_times_and_then_it_is_said():
    gaps, replays = with_gap()
    now_s, asked, words = GRACE_S, 0, []
    for _ in range(TRIES + 1):
        requests, said = replays.due(now_s)
        asked += len(requests)
        words += said
        now_s += ANSWER_S
    assert asked == TRIES
    assert [word.startswith("lost: messages 6 to 8 of box-1") for word in words] == [True]
    assert (gaps.missing(), replays.lost) == ([], 3)


def test_what_the_device_no_longer_has_is_lost_and_the_rest_is_waited_for():
    gaps, replays = with_gap()
    ((_, request),), _ = replays.due(GRACE_S)
    words = replays.answered("box-1", ok(request, missing=(Span(from_seq=1, to_seq=6),), count=2), GRACE_S)
    assert words == ["lost: messages 1 to 6 of box-1 (epoch b3f0): it no longer has them"]
    assert [(gap.first, gap.last) for gap in gaps.missing()] == [(7, 8)]
    assert replays.lost == 1
    assert replays.due(GRACE_S + 1) == ([], [])


def test_a_refusal_is_final_but_a_busy_device_is_asked_again():
    gaps, replays = with_gap()
    ((_, request),), _ = replays.due(GRACE_S)
    assert replays.answered("box-1", refused(request, "busy"), GRACE_S) == []
    ((_, request),), _ = replays.due(GRACE_S + ANSWER_S)
    (words,) = replays.answered("box-1", refused(request, "not_found"), GRACE_S + ANSWER_S)
    assert "it answers: because" in words
    assert gaps.missing() == []


def test_answers_to_others_and_nonsense_are_ignored():
    gaps, replays = with_gap()
    ((_, request),), _ = replays.due(GRACE_S)
    other = request.model_copy(update={"transaction": "somebody-else"})
    for payload in (refused(other, "failed"), b"", b"{", b'{"status": 7}', b"\xff"):
        assert replays.answered("box-1", payload, GRACE_S) == []
    assert replays.answered("box-2", refused(request, "failed"), GRACE_S) == []
    assert len(gaps.missing()) == 1


def test_a_device_that_is_away_is_asked_when_it_is_back():
    _, replays = with_gap()
    replays.availability("box-1", online=False)
    assert replays.due(100.0) == ([], [])
    replays.availability("box-1", online=True)
    assert len(replays.due(100.0)[0]) == 1


def test_every_device_is_asked_by_itself():
    gaps, replays = with_gap()
    for seq in (1, 3):
        gaps.hear(Stream("box-2", "77aa"), seq, f"box-2-{seq}", 0.0)
    requests, _ = replays.due(GRACE_S)
    assert sorted(device for device, _ in requests) == ["box-1", "box-2"]


def test_gaps_that_lie_near_each_other_are_asked_for_together_and_far_ones_one_after_the_other():
    gaps = Gaps()
    for seq in (1, 3, 5, 2000, 2002):
        gaps.hear(BOX, seq, f"box-1-{seq}", 0.0)
    for seq in range(6, 2000):
        gaps.hear(BOX, seq, f"box-1-{seq}", 0.0)
    ((_, first),), _ = Replays(gaps).due(GRACE_S)
    assert (first.from_seq, first.to_seq) == (2, 4)


def test_the_next_gap_is_asked_for_as_soon_as_the_one_before_is_filled():
    gaps = Gaps()
    for seq in (1, 3, *range(4, 2001), 2002):
        gaps.hear(BOX, seq, f"box-1-{seq}", 0.0)
    replays = Replays(gaps)
    ((_, request),), _ = replays.due(GRACE_S)
    assert request.from_seq == 2
    replays.answered("box-1", ok(request, count=1), GRACE_S)
    gaps.hear(BOX, 2, "box-1-2", GRACE_S)
    ((_, request),), _ = replays.due(GRACE_S + 0.1)
    assert request.from_seq == 2001


def test_a_doubtful_gap_that_cannot_be_had_is_no_loss():
    gaps = Gaps()
    gaps.go_on(BOX, {4: "box-1-4", 7: "box-1-7"}, 0.0)
    replays = Replays(gaps)
    ((_, request),), _ = replays.due(GRACE_S)
    assert replays.answered("box-1", ok(request, missing=(Span(from_seq=5, to_seq=6),)), GRACE_S) == []
    assert (replays.lost, gaps.missing()) == (0, [])


def test_a_long_gap_is_fetched_in_pieces_without_losing_patience():
    gaps = Gaps()
    gaps.hear(BOX, 1, "box-1-1", 0.0)
    gaps.hear(BOX, 6002, "box-1-6002", 0.0)
    replays, now_s, pieces = Replays(gaps), GRACE_S, []
    while gaps.missing():
        ((_, request),), words = replays.due(now_s)
        assert words == []
        pieces.append((request.from_seq, request.to_seq))
        replays.answered("box-1", ok(request, count=1000), now_s)
        for seq in range(request.from_seq, request.to_seq + 1):
            gaps.hear(BOX, seq, f"box-1-{seq}", now_s)
        now_s += 0.1
    assert pieces == [(first, first + 999) for first in range(2, 6002, 1000)]
