"""What the operator's requests go out with."""

from pathlib import Path

from kubeconfigs import config, write

from crontask.kube.connection import connect


def test_a_token_in_a_file_is_read_anew_after_the_server_refused_it(tmp_path: Path) -> None:
    connection = connect(str(write(tmp_path, config({"server": "http://a"}, {"tokenFile": "token"}))))
    assert connection.headers() == {"Authorization": "Bearer from-file"}
    (tmp_path / "token").write_text("rotated")
    assert connection.headers() == {"Authorization": "Bearer from-file"}
    connection.refused()
    assert connection.headers() == connection.headers() == {"Authorization": "Bearer rotated"}


def test_whom_the_operator_acts_as_and_through_what(tmp_path: Path) -> None:
    cluster = {"tls-server-name": "kubernetes", "proxy-url": "http://p:1"}
    connection = connect(str(write(tmp_path, config(cluster, {"as": "ann"}))))
    assert connection.headers() == {"Impersonate-User": "ann"}
    options = connection.options()
    assert (options["server_hostname"], options["proxy"]) == ("kubernetes", "http://p:1")
    connection.headers()
    assert connection.options()["ssl"] is options["ssl"]
