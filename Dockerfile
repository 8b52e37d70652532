# The operator's image: a virtual environment built in one stage, copied into the other.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements/ requirements/
RUN python3 -m venv --without-pip /opt/crontask \
    && pip --python /opt/crontask install --no-cache-dir --no-compile --require-hashes -r requirements/operator.lock
COPY operator/crontask /src/crontask
# The package is pure Python: copied beside its dependencies, with start scripts, and compiled ahead. The compiled files
# are valid whatever times the files have: a release gives all files one time, so that the same commit makes the same bytes.
RUN site=$(/opt/crontask/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') \
    && cp -r /src/crontask "$site/" \
    && printf '#!/opt/crontask/bin/python\nfrom crontask.cli.main import main\n\nmain()\n' > /opt/crontask/bin/crontask \
    && printf '#!/opt/crontask/bin/python\nfrom crontask.runner.main import main\n\nmain()\n' > /opt/crontask/bin/crontask-runner \
    && chmod 755 /opt/crontask/bin/crontask /opt/crontask/bin/crontask-runner \
    && PYTHONHASHSEED=0 /opt/crontask/bin/python -m compileall -q --invalidation-mode unchecked-hash "$site"

FROM python:3.11-slim-bookworm
COPY --from=build /opt/crontask /opt/crontask
# Handlers that need no image run crontask-runner of this one.
ENV PATH=/opt/crontask/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
ENTRYPOINT ["/opt/crontask/bin/crontask"]
CMD ["operator"]
