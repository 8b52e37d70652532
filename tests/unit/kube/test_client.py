"""What comes over a watch."""

import pytest

from crontask.kube.client import _event
from crontask.ports import ApiError, WatchExpiredError


def test_an_object_comes_as_it_is() -> None:
    event = _event(b'{"type":"ADDED","object":{"kind":"Pod"}}')
    assert (event.type, event.object) == ("ADDED", b'{"kind":"Pod"}')


def test_410_means_list_again() -> None:
    with pytest.raises(WatchExpiredError):
        _event(b'{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}')


def test_another_error_is_one_that_can_be_waited_out() -> None:
    with pytest.raises(ApiError) as caught:
        _event(b'{"type":"ERROR","object":{"kind":"Status","code":500,"reason":"InternalError","message":"storage"}}')
    assert caught.value.passing
