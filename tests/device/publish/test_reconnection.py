from structlog.testing import capture_logs

from cardscanner.publish.link import Accepted, Ended
from cardscanner.publish.reconnection import Reconnection
from cardscanner.publish.status import Troubles

KNOWN = Accepted(window=20, max_packet=1e6, resumed=True)
FRESH = Accepted(window=20, max_packet=1e6, resumed=False)
CLOSED = Ended(None, "the connection was closed")


def reconnection(*, mqtt5=True, tls=False):
    troubles = Troubles()
    return Reconnection("broker here", troubles, mqtt5=mqtt5, tls=tls), troubles


def test_a_broker_that_is_away_is_tried_within_six_seconds_at_most():
    again, _ = reconnection()
    for _ in range(50):
        again.unreachable("nothing listens", 100.0)
        assert 0.8 <= again.wait_s(100.0) <= 6.0


def test_a_refusal_is_tried_again_within_a_minute_and_not_at_once():
    again, troubles = reconnection()
    for _ in range(50):
        again.ended(Ended(135, "Not authorized"), None, 0.0, 100.0)
        assert 4.0 <= again.wait_s(100.0) <= 60.0
    assert troubles.reasons == ("mqtt_refused",)
    assert "check publish.username" in troubles.newest


def test_a_taken_over_session_is_left_alone_for_half_a_minute_at_least():
    again, troubles = reconnection()
    again.ended(Ended(142, "Session taken over"), KNOWN, 500.0, 100.0)
    assert again.wait_s(100.0) >= 30.0
    assert troubles.reasons == ("mqtt_taken_over",)


def test_being_closed_soon_three_times_by_a_broker_that_stays_up_means_a_twin():
    again, troubles = reconnection()
    for _ in range(2):
        again.ended(CLOSED, KNOWN, 1.0, 100.0)
        assert troubles.reasons == ("mqtt_unreachable",)
    again.ended(CLOSED, KNOWN, 1.0, 100.0)
    assert troubles.reasons == ("mqtt_taken_over",)
    assert again.wait_s(100.0) >= 30.0
    again.ended(CLOSED, KNOWN, 1.0, 200.0)
    assert again.wait_s(200.0) >= 60.0


def test_a_broker_that_crashes_again_and_again_is_no_twin():
    again, troubles = reconnection()
    for _ in range(10):
        again.ended(CLOSED, FRESH, 1.0, 100.0)
    assert troubles.reasons == ("mqtt_unreachable",)


def test_connections_that_lived_long_are_no_sign_of_a_twin():
    again, troubles = reconnection(mqtt5=False)
    for _ in range(10):
        again.ended(CLOSED, FRESH, 60.0, 100.0)
    assert troubles.reasons == ("mqtt_unreachable",)


def test_one_trouble_takes_the_place_of_another_and_each_is_logged_once():
    again, troubles = reconnection()
    with capture_logs() as logs:
        for _ in range(3):
            again.unreachable("nothing listens", 1.0)
        again.refused("wrong password", 2.0)
        again.works()
        again.works()
    assert [(each["log_level"], each["reason"]) for each in logs] == [
        ("warning", "mqtt_unreachable"),
        ("warning", "mqtt_refused"),
        ("info", "mqtt_refused"),
    ]
    assert troubles.reasons == ()


def test_a_working_connection_makes_the_next_attempt_quick_again():
    again, _ = reconnection()
    for _ in range(10):
        again.unreachable("away", 0.0)
    again.works()
    again.unreachable("away", 0.0)
    assert again.wait_s(0.0) <= 1.2
