"""How the operator begins."""

import asyncio

import pytest

from crontask import app


def test_the_kubeconfig_is_read_before_kopf_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Side by side, one of the two now and then finds the file of a certificate empty."""
    order: list[str] = []

    def start_shell(*arguments: object) -> None:
        order.append("kopf")
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "connect", lambda: order.append("kubeconfig"))
    monkeypatch.setattr(app, "start_shell", start_shell)
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(app._serve(app.Settings()))
    assert order == ["kubeconfig", "kopf"]
