"""`make soak`: faults of the cluster and of the operator for half an hour, on the throw-away cluster."""

import os
import sys

from e2e import main

if __name__ == "__main__":
    if os.environ.get("CRONTASK_KUBECONFIG"):
        sys.exit("The soak stops parts of the cluster: it needs the throw-away one. Leave KUBECONFIG=… out.")
    sys.exit(main("tests/soak"))
