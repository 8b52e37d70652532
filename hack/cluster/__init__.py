"""A real Kubernetes cluster for tests, benchmarks and the demo, built from source and run on this machine.

From the command line (`python -m cluster --help`): the full cluster, one on a machine, with real pods.

From tests and benchmarks, etcd and the API server alone, in a temporary folder and on free ports:

    from cluster.control_plane import ControlPlane

    with ControlPlane() as control_plane:                      # ready in about 6 s
        control_plane.url                                      # https://127.0.0.1:PORT
        control_plane.kubeconfig                               # Path, admin
        control_plane.kubeconfig_for("ann", ["developers"])    # Path, by client certificate; RBAC decides
        control_plane.kubectl("get", "namespaces")             # str; raises with kubectl's message
        control_plane.stop_apiserver()
        control_plane.start_apiserver()                        # same data, same port

    with ControlPlane(controller_manager_args=["--kube-api-qps=5000"]) as control_plane: ...

`KUBEBUILDER_ASSETS` (a folder with etcd, kube-apiserver, kubectl) is used where it is set; otherwise the
binaries are built (minutes the first time) and cached.
"""
