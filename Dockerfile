# One image, two commands: `foliot serve` and `foliot-executor`.
#
# The base is pinned by its exact tag. To pin it by content as well, so that a tag that is moved
# changes nothing, add the digest that `docker buildx imagetools inspect <tag>` prints to PYTHON:
# python:3.13.9-slim-trixie@sha256:…
ARG PYTHON=python:3.13.9-slim-trixie

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
RUN python -m venv /opt/foliot
# Before the sources, so that a change of them costs no second download.
COPY requirements/image.lock requirements/
RUN /opt/foliot/bin/pip install --require-hashes --requirement requirements/image.lock
COPY pyproject.toml README.md LICENSE ./
COPY control_plane control_plane
COPY executor executor
COPY shared shared
COPY migrations migrations
COPY proto/gen/foliot proto/gen/foliot
RUN /opt/foliot/bin/pip install --no-deps --no-build-isolation . \
 && /opt/foliot/bin/python -m compileall -q /opt/foliot/lib \
 && /opt/foliot/bin/pip uninstall --yes hatchling editables pip

FROM ${PYTHON}
ARG REVISION=unknown
LABEL org.opencontainers.image.title="foliot" \
      org.opencontainers.image.description="A durable, multi-tenant, AI-native workflow engine" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="${REVISION}"
# The planes write nothing: they work with --read-only, with any user id, and without capabilities.
# A volume mounted at /var/lib/foliot takes on its owner, and can hold keys.
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent \
    --shell /usr/sbin/nologin foliot \
 && install --directory --mode=0700 --owner=10001 /var/lib/foliot
COPY --from=build /opt/foliot /opt/foliot
# gRPC would log each handshake that fails, in a form of its own: a line for every scanner's visit.
ENV PATH=/opt/foliot/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GRPC_VERBOSITY=ERROR \
    FOLIOT_LISTEN=0.0.0.0:7233 \
    FOLIOT_METRICS_LISTEN=0.0.0.0:9464
USER 10001:10001
WORKDIR /
EXPOSE 7233 9464
# Of either plane: whether it can do its work. Kubernetes asks for itself.
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=6 \
  CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:9464/readyz', timeout=3)"]
# SIGTERM drains; give it longer than FOLIOT_DRAIN_DELAY_S and FOLIOT_DRAIN_S before the kill.
STOPSIGNAL SIGTERM
CMD ["foliot", "serve"]
