"""Where things are: the repository, the cache of built things, the folders of the full cluster.

Called by every other module; knows none of them.
"""

import os
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
IMPORT_ROOT = PACKAGE.parent
REPOSITORY = IMPORT_ROOT.parent
TOOLS = PACKAGE / "tools"

VENV = REPOSITORY / ".venv"
"""Where the Makefile has the Python packages installed; it has a pip, which the machine's own Python may lack."""

LOCAL = REPOSITORY / ".cluster"
"""What the cluster leaves in the clone (git-ignored): the kubeconfig, and the logs of an `up` that failed."""


def cache() -> Path:
    """The folder for what is made once and shared by all clones: binaries, base image."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "crontask"


@dataclass(frozen=True)
class Folders:
    """The full cluster's folders. Sockets need short paths, so they have a folder of their own."""

    state: Path = Path("/var/lib/crontask-cluster")
    run: Path = Path("/run/crontask-cluster")

    @property
    def processes(self) -> Path:
        """Logs and pid records."""
        return self.state / "processes"

    @property
    def certificates(self) -> Path:
        return self.state / "certificates"

    @property
    def kubeconfigs(self) -> Path:
        return self.state / "kubeconfigs"

    @property
    def containerd_socket(self) -> Path:
        return self.run / "containerd.sock"

    def make(self) -> None:
        for folder in (self.processes, self.certificates, self.kubeconfigs, self.run):
            folder.mkdir(parents=True, exist_ok=True)
        # Keys and admin kubeconfigs are below.
        self.state.chmod(0o700)


FOLDERS = Folders()
