"""Which namespaces an operator watches, as written on the command line and in the environment."""

import pytest
from click.testing import CliRunner

from crontask import app
from crontask.cli.main import main

MANY = ",".join(f"team-{number}" for number in range(51))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (None, ()),
        ("", ()),
        ("shop", ("shop",)),
        ("shop,billing", ("shop", "billing")),
        (" shop , billing,", ("shop", "billing")),
        ("shop,shop", ("shop",)),
        (MANY.rpartition(",")[0], tuple(f"team-{number}" for number in range(50))),
    ],
)
def test_what_is_written_is_read(monkeypatch: pytest.MonkeyPatch, written: str | None, read: tuple[str, ...]) -> None:
    seen: list[app.Settings] = []

    def serve(settings: app.Settings) -> int:
        seen.append(settings)
        return 0

    monkeypatch.setattr(app, "serve", serve)
    environment = {} if written is None else {"CRONTASK_OPERATOR_WATCH_NAMESPACES": written}
    assert CliRunner().invoke(main, ["operator"], env=environment, auto_envvar_prefix=None).exit_code == 0
    assert CliRunner().invoke(main, ["operator", *(["--watch-namespaces", written] if written else [])]).exit_code == 0
    assert [settings.watch_namespaces for settings in seen] == [read, read]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Shop", "'Shop' is not the name of a namespace; write them like shop,billing"),
        ("shop billing", "'shop billing' is not the name of a namespace"),
        ("../shop", "'../shop' is not the name of a namespace"),
        ("a" * 64, "is not the name of a namespace"),
        (MANY, "51 namespaces are more than 50; name none, to watch all of the cluster, or install several operators"),
    ],
)
def test_what_cannot_be_a_namespace_is_refused(written: str, said: str) -> None:
    result = CliRunner().invoke(main, ["operator", "--watch-namespaces", written])
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
