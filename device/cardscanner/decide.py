"""From sightings to events: exactly one for each presented card, however long it lies there.

* Sightings are joined to tracks by place, then by identity (a card that was pushed aside quickly).
* A track is believed when at least ``min_frames`` views, pooled, pass the accept rule; ``ambiguous`` and
  ``no_match`` need the patience of ``max_frames``, because another view often settles them.
* Where the database has pictures, the pooled candidates are looked at again before anything is believed:
  when ``min_frames`` are there, and now and then until the track is decided, never in every frame.
* A track ends when neither its outline nor its picture was seen for ``gone_s``: putting the same card back
  after that is a new presentation.
* A place whose picture confidently becomes another card (a card laid on top) is a new presentation at once;
  the covered card is remembered, so that it is no new presentation when it comes to light again as it lay.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cardscanner.accept import CardOf, best_prints, judge, judge_checked
from cardscanner.config import DecideConfig
from cardscanner.geometry import covered
from cardscanner.manifest import AcceptRule
from cardscanner.ports import SecondLook
from cardscanner.records import (
    Corners,
    Frame,
    Neighbour,
    Outline,
    Picture,
    ScanEvent,
    Sighting,
    Verdict,
)
from cardscanner.tracks import SAME_PLACE_IOU, Track, artwork, by_checked_place, by_place

RowOf = Callable[[str], int | None]
"""Looks up the first row of a card; ``None`` when it is not there."""

Search = Callable[[NDArray[np.float32]], tuple[Neighbour, ...]]
"""Nearest references of one unit vector (D,), best first."""

_LOOK_EVERY = 3
"""Views between two looks at a track that is not decided yet; afterwards, one in ``max_frames``."""

_ONE_OBJECT = 0.6
"""Two outlines of which one covers this share of the other are one object."""


class Decider:
    """Owned by the scan thread."""

    def __init__(
        self,
        config: DecideConfig,
        rule: AcceptRule,
        card_of: CardOf,
        search: Search,
        camera: str,
        look: SecondLook | None = None,
    ) -> None:
        self._config = config
        self._rule = effective_rule(rule, config)
        self._card_of = card_of
        self._search = search
        self._camera = camera
        self._look = look
        self._tracks: list[Track] = []
        self._last_ns: int | None = None

    def turn_to(
        self, rule: AcceptRule, card_of: CardOf, row_of: RowOf, look: SecondLook | None = None
    ) -> None:
        """Go on with another version of the database, in which rows and artworks have other numbers.

        What was decided stays decided: a card that lies there is the same presentation as before.
        """
        self._rule = effective_rule(rule, self._config)
        self._card_of = card_of
        self._look = look

        def renamed(verdict: Verdict | None) -> Verdict | None:
            return None if verdict is None else _renamed(verdict, card_of, row_of)

        for track in self._tracks:
            track.verdict, track.reported = renamed(track.verdict), renamed(track.reported)
            track.beneath = tuple(
                replace(each, verdict=_renamed(each.verdict, card_of, row_of)) for each in track.beneath
            )

    def places_to_check(self, found: Sequence[Corners]) -> list[Corners]:
        """Where reported cards should lie but no outline was found: look there for their picture.

        A hand over the edge of a card hides its outline long before it hides its picture.
        """
        return [
            place
            for track in self._tracks
            if track.reported is not None
            for place in track.places
            if all(covered(place, each) < SAME_PLACE_IOU for each in found)
        ]

    def outlines(self) -> tuple[Outline, ...]:
        """Return what is followed in the newest frame, for those who watch."""
        return tuple(
            Outline(track.sighting.quad.corners, track.reported or track.verdict, track.reported is not None)
            for track in self._tracks
            if track.absent_s == 0
        )

    def update(
        self,
        frame: Frame,
        sightings: Sequence[Sighting],
        checks: Sequence[Sighting] = (),
        latency_ms: Mapping[str, float] | None = None,
    ) -> list[ScanEvent]:
        """Take in one frame; return the cards that are decided by it.

        ``checks`` are views of the places that :meth:`places_to_check` named.
        """
        now = frame.captured_ns
        step_s = 0.0 if self._last_ns is None else (now - self._last_ns) / 1e9
        self._last_ns = now
        seen = self._follow(one_per_object(sightings), now)
        self._confirm(checks, seen, now)
        for track in seen:
            self._weigh(track, seen, frame.pixels)
        ended = self._miss([track for track in self._tracks if track not in seen], seen, step_s)
        reports = [self._report(track, now, latency_ms or {}) for track in seen if self._is_decided(track)]
        late = [self._report(track, now, latency_ms or {}) for track in ended if track.frames > 1]
        reports += [None if event is None else replace(event, in_view=False) for event in late]
        return [event for event in reports if event is not None]

    def _miss(self, unseen: Sequence[Track], seen: Sequence[Track], step_s: float) -> list[Track]:
        """Note that these tracks were not seen; drop and return those that are gone.

        One in whose place another card lies now may be under it: that card came from the side, followed all
        the way.
        """
        for track in unseen:
            track.miss(step_s)
        ended = [track for track in unseen if track.absent_s >= self._config.gone_s]
        for track in ended:
            above = next((each for each in seen if covered(each.place, track.place) >= _ONE_OBJECT), None)
            if above is not None:
                above.lay_on(track)
        self._tracks = [track for track in self._tracks if track not in ended]
        return ended

    def _follow(self, sightings: Sequence[Sighting], now: int) -> list[Track]:
        """Join each sighting to a track or begin one; return the tracks that were seen.

        What a sighting agrees with comes first: when the upper card of two is pushed aside, the lower one
        lies in its place but does not take over its track.
        """
        free = list(self._tracks)
        left = list(sightings)
        seen: list[Track] = []
        for find in (self._agreeing, self._by_identity, by_place):
            for sighting in list(left):
                track = find(sighting, free)
                if track is not None:
                    free.remove(track)
                    left.remove(sighting)
                    seen.append(self._extend(track, sighting, now))
        for sighting in left:
            self._tracks.append(Track.begin(sighting, now, self._config.max_frames))
            seen.append(self._tracks[-1])
        return seen

    def _agreeing(self, sighting: Sighting, free: Sequence[Track]) -> Track | None:
        track = by_place(sighting, free)
        if track is None or track.contradicted_by(sighting, self._judge(sighting.neighbours)):
            return None
        return track

    def _by_identity(self, sighting: Sighting, free: Sequence[Track]) -> Track | None:
        verdict = self._judge(sighting.neighbours)
        if verdict.decision == "no_match":
            return None
        name = verdict.candidates[0].card.artwork
        return next((track for track in free if artwork(track.verdict) == name), None)

    def _extend(self, track: Track, sighting: Sighting, now: int) -> Track:
        """Add to the track, or replace it when its place confidently holds another card now."""
        verdict = self._judge(sighting.neighbours)
        if not track.contradicted_by(sighting, verdict):
            if track.contradictions and verdict.decision == "no_match":
                track.still_there(now)  # a hand is changing the card: this view belongs to nobody
                return track
            track.contradictions.clear()
            unknown = artwork(track.reported) is None
            track.add(sighting, now, recognised=unknown or verdict.decision != "no_match")
            return track
        track.contradictions.append(sighting)
        track.still_there(now)
        if len(track.contradictions) < self._config.min_frames:
            return track
        fresh = Track.begin(track.contradictions[0], now, self._config.max_frames)
        for each in track.contradictions[1:]:
            fresh.add(each, now)
        fresh.lay_on(track)
        self._tracks[self._tracks.index(track)] = fresh
        return fresh

    def _confirm(self, checks: Sequence[Sighting], seen: list[Track], now: int) -> None:
        """Keep unseen tracks alive whose card is still recognised in its place."""
        for check in checks:
            track = by_checked_place(check, [each for each in self._tracks if each not in seen])
            if track is None or not check.neighbours:
                continue
            verdict = judge(check.neighbours, self._card_of, self._rule)
            same = verdict.candidates[0].card.artwork == artwork(track.reported)
            if same and verdict.margin >= self._rule.threshold / 2:
                track.still_there(now)
                seen.append(track)

    def _weigh(self, track: Track, seen: Sequence[Track], picture: Picture) -> None:
        """Judge the pooled views of a track that is not reported yet, and see whether the card is known."""
        if track.reported is not None:
            return
        if self._look is None or track.frames < self._config.min_frames:
            track.verdict = self._judge(self._search(track.pooled()))
        elif self._is_due(track):
            prints = best_prints(self._search(track.pooled()), self._card_of)
            looked = self._look(picture, track.sighting.quad.corners, prints)
            track.verdict = judge_checked(looked, self._rule, self._config.top)
            track.looked_at = track.frames
        name = artwork(track.verdict)
        if name is not None and not self._was_moved(track, name, seen):
            self._was_covered(track, name)

    def _is_due(self, track: Track) -> bool:
        """Whether to look at a track again: a look takes longer than all else that is done with it."""
        if track.looked_at is None or track.frames == self._config.max_frames:
            return True
        patient = track.frames > self._config.max_frames
        return track.frames - track.looked_at >= (self._config.max_frames if patient else _LOOK_EVERY)

    def _was_moved(self, track: Track, name: int, seen: Sequence[Track]) -> bool:
        """Take over from a reported card lost from sight a moment ago: it was moved quickly."""
        lost = (each for each in self._tracks if each not in seen and artwork(each.reported) == name)
        before = next(lost, None)
        if before is None:
            return False
        track.reported, track.first_ns, track.beneath = before.reported, before.first_ns, before.beneath
        self._tracks.remove(before)
        return True

    def _was_covered(self, track: Track, name: int) -> None:
        """Take over from a reported card that another one was laid on, if it lies there as it lay."""
        for above in self._tracks:
            for depth, each in enumerate(above.beneath):
                if artwork(each.verdict) == name and each.lies_at(track.sighting.quad.corners):
                    track.reported, track.first_ns = each.verdict, each.first_ns
                    above.beneath, track.beneath = (), above.beneath[depth + 1 :]
                    return

    def _is_decided(self, track: Track) -> bool:
        if track.verdict is None or track.frames < self._config.min_frames:
            return False
        if track.frames >= self._config.max_frames:
            return True
        return track.verdict.decision == "match" and (track.lies_still or not self._may_come_to_light(track))

    def _may_come_to_light(self, track: Track) -> bool:
        """Whether the card may be one of a pile: while it comes to light, its outline is cut short."""
        name = artwork(track.verdict)
        return any(artwork(each.verdict) == name for above in self._tracks for each in above.beneath)

    def _report(self, track: Track, now: int, latency_ms: Mapping[str, float]) -> ScanEvent | None:
        """Return the event of a track; ``None`` when it was sent already or nobody wants it."""
        verdict = track.verdict
        if verdict is None or track.reported is not None:
            return None
        if verdict.decision == "no_match" and not self._wants_no_match(track):
            return None
        track.reported = verdict
        return ScanEvent(
            verdict=verdict,
            camera=self._camera,
            first_ns=track.first_ns,
            decided_ns=now,
            frames=min(track.frames, self._config.max_frames),
            corners=track.sighting.quad.corners,
            upside_down=track.sighting.upside_down,
            latency_ms=dict(latency_ms),
        )

    def _wants_no_match(self, track: Track) -> bool:
        return self._config.report_no_match and track.frames >= self._config.min_frames

    def _judge(self, neighbours: Sequence[Neighbour]) -> Verdict:
        return judge(neighbours, self._card_of, self._rule, self._config.top)


def _renamed(verdict: Verdict, card_of: CardOf, row_of: RowOf) -> Verdict:
    """Put the cards of the new version into a verdict; an artwork that is gone keeps a number of its own."""
    candidates = []
    for each in verdict.candidates:
        row = row_of(each.card.card_id)
        gone = -1 - zlib.crc32(each.card.card_id.encode())
        card = replace(each.card, artwork=gone) if row is None else card_of(row)
        candidates.append(replace(each, card=card, row=row))
    return replace(verdict, candidates=tuple(candidates))


def effective_rule(rule: AcceptRule, config: DecideConfig) -> AcceptRule:
    """The database's rule with the configuration's overrides."""
    given = {"threshold": config.threshold, "print_gap": config.print_gap}
    return rule.model_copy(update={key: value for key, value in given.items() if value is not None})


def one_per_object(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Drop outlines that lie on a better one: frames inside a card, sleeves around it."""
    order = sorted(
        sightings, key=lambda each: each.neighbours[0].cosine if each.neighbours else 0.0, reverse=True
    )
    kept: list[Sighting] = []
    for sighting in order:
        if all(covered(sighting.quad.corners, other.quad.corners) < _ONE_OBJECT for other in kept):
            kept.append(sighting)
    return kept
