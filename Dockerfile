# One image for worker, API and commands. The application runs from its root folder and is not installed as a package,
# exactly as on a developer's machine (docs/adr/0007-run-from-the-root.md).

FROM python:3.11-slim-bookworm AS packages
WORKDIR /build
COPY pyproject.toml constraints.txt ./
# Dependencies alone: this layer is made again only when one of the two files changes.
RUN python -m venv /opt/venv \
    && python -m pip install --no-cache-dir -c constraints.txt uv \
    && python -m uv pip install --no-cache --compile-bytecode --python /opt/venv/bin/python -c constraints.txt -r pyproject.toml

FROM python:3.11-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# A volume that is mounted here for the first time takes over this folder's owner.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin paidcase \
    && install -d -o paidcase -g paidcase /var/lib/paidcase/documents
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY worker.py ./
COPY workflows ./workflows
COPY activities ./activities
COPY starter ./starter
COPY invoicing ./invoicing
COPY deploy/alive.py ./deploy/alive.py
RUN python -m compileall -q .
USER paidcase
STOPSIGNAL SIGTERM
CMD ["python", "worker.py"]
