"""What is read from a Dockerfile and from pip's configuration before an image is built."""

from cluster.dockerfile import base_images, pip_settings

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
