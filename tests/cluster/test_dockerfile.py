"""What is read from a Dockerfile and from pip's configuration before an image is built."""

import pytest

from cluster.dockerfile import base_images, date_of, pip_settings
from cluster.processes import ClusterError

DOCKERFILE = """
# FROM comment
FROM --platform=linux/amd64 python:3.11-slim-bookworm AS build
RUN echo FROM nothing
from build as test
FROM ${BASE}
FROM scratch
FROM python:3.11-slim-bookworm
"""


def test_base_images_are_those_that_are_neither_stages_nor_arguments() -> None:
    assert base_images(DOCKERFILE) == ["python:3.11-slim-bookworm"]


def test_pip_settings_of_the_environment_win_over_those_of_files() -> None:
    listed = ":env:.cert='/a.pem'\n:env:.config-file='/elsewhere'\nglobal.cert='/b.pem'\nglobal.timeout='9'\n"

    assert pip_settings(listed) == {"cert": "/a.pem", "timeout": "9"}


def test_the_date_of_a_mirror_is_that_of_its_release_file() -> None:
    released = "Origin: Debian\nDate: Sat, 10 Jun 2023 08:53:33 UTC\nValid-Until: never\n"

    assert date_of(released) == 1686387213
    with pytest.raises(ClusterError, match="has no date"):
        date_of("Origin: Debian\n")
