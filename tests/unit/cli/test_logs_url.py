"""The template of where logs are, as written on the command line and in the environment."""

import pytest
from click.testing import CliRunner
from logs_urls import REFUSED_BY_BOTH, REFUSED_BY_THE_OPERATOR

from crontask import app
from crontask.cli.main import main

TEMPLATE = "https://logs.example.com/{namespace}{?pod}"


@pytest.mark.parametrize(
    ("written", "read"), [(None, ""), ("", ""), (TEMPLATE, TEMPLATE), (f" {TEMPLATE}\n", TEMPLATE)]
)
def test_what_is_written_is_read(monkeypatch: pytest.MonkeyPatch, written: str | None, read: str) -> None:
    seen: list[app.Settings] = []

    def serve(settings: app.Settings) -> int:
        seen.append(settings)
        return 0

    monkeypatch.setattr(app, "serve", serve)
    environment = {} if written is None else {"CRONTASK_OPERATOR_LOGS_URL": written}
    assert CliRunner().invoke(main, ["operator"], env=environment, auto_envvar_prefix=None).exit_code == 0
    assert CliRunner().invoke(main, ["operator", *(["--logs-url", written] if written else [])]).exit_code == 0
    assert [settings.logs_url for settings in seen] == [read, read]


@pytest.mark.parametrize(("written", "said"), {**REFUSED_BY_BOTH, **REFUSED_BY_THE_OPERATOR}.items())
def test_a_bad_one_ends_the_operator_at_its_start(written: str, said: str) -> None:
    result = CliRunner().invoke(main, ["operator", "--logs-url", written])
    assert result.exit_code == 2
    assert f"Invalid value for '--logs-url': {said}" in result.output
