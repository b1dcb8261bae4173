# The image of acs-sidecar: Python, the service and nothing else. No shell, no package manager, not root.
#
#   docker build -t acs-sidecar .
#
# Pin the base for a release: --build-arg PYTHON=python:3.14-slim-trixie@sha256:<digest>
ARG PYTHON=python:3.14-slim-trixie

FROM ${PYTHON} AS build
WORKDIR /src
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends binutils ca-certificates && rm -rf /var/lib/apt/lists/*
COPY requirements-image.lock requirements-build.lock ./
COPY deploy/wheels wheels
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements-build.lock \
    && python -m venv --without-pip /opt/acs \
    && pip --python /opt/acs/bin/python install --no-cache-dir --no-compile --require-hashes -r requirements-image.lock \
    && if compgen -G "wheels/*.whl" > /dev/null; then pip --python /opt/acs/bin/python install --no-cache-dir --no-compile --no-deps wheels/*.whl; fi
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY manifests manifests
RUN /opt/build/bin/pip wheel --no-build-isolation --no-deps --wheel-dir dist . \
    && pip --python /opt/acs/bin/python install --no-cache-dir --no-compile --no-deps dist/*.whl \
    && /opt/build/bin/cyclonedx-py environment /opt/acs/bin/python --pyproject pyproject.toml --output-format JSON --output-file /opt/acs/sbom.cdx.json
# Everything that becomes the image goes below /root-fs.
COPY deploy/container/assemble.sh ./
RUN ./assemble.sh /root-fs

FROM scratch
ARG VERSION=0.2.0
ARG REVISION=unknown
ARG CREATED=unknown
ARG PYTHON
LABEL org.opencontainers.image.title="acs-sidecar" \
      org.opencontainers.image.description="The policy decision sidecar for AI agents" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${PYTHON}"
COPY --from=build /root-fs /
COPY manifests /etc/acs/manifests
ENV PATH=/opt/acs/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ACS_MANIFESTS=/etc/acs/manifests \
    ACS_AUDIT_DIR=/var/lib/acs/audit \
    ACS_AUDIT_KEY_FILE=/var/lib/acs/audit-key.pem \
    ACS_APPROVAL_KEY_FILE=/var/lib/acs/approval-key.pem \
    ACS_MANIFESTS_KEPT_DIR=/var/lib/acs/manifests
WORKDIR /var/lib/acs
VOLUME ["/var/lib/acs"]
USER 65532:65532
EXPOSE 8383
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["acs-probe"]
ENTRYPOINT ["acs-sidecar"]
CMD ["serve"]
