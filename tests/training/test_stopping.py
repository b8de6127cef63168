import os
import signal
import time

from nrnm_keras.training.stopping import StopRequest


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_sigterm_asks_for_it_and_does_no_more():
    before = signal.getsignal(signal.SIGTERM)
    with StopRequest() as stop:
        assert stop.reason is None
        os.kill(os.getpid(), signal.SIGTERM)
        wait_for(lambda: stop.reason)
        assert stop.reason == "SIGTERM"
        os.kill(os.getpid(), signal.SIGTERM)  # once more does not end the process either
        assert stop.reason == "SIGTERM"
    assert signal.getsignal(signal.SIGTERM) == before


def test_handler_is_given_back_after_an_error():
    before = signal.getsignal(signal.SIGTERM)
    try:
        with StopRequest():
            raise KeyError
    except KeyError:
        assert signal.getsignal(signal.SIGTERM) == before


def test_time_limit_asks_for_it():
    stop = StopRequest(terminate_after=0.02)
    wait_for(lambda: stop.reason)
    assert stop.reason == "terminate_after"


def test_no_time_limit_is_far_away():
    assert StopRequest(terminate_after=3600).reason is None
    assert StopRequest(terminate_after=0).reason is None
