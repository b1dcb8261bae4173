# syntax=docker/dockerfile:1
ARG PYTHON=python:3.11-slim
FROM ${PYTHON} AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN python -m venv /opt/acs \
    && /opt/acs/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY app app
RUN /opt/acs/bin/pip install --no-cache-dir --no-deps .

FROM ${PYTHON}
LABEL org.opencontainers.image.title="acs-sidecar" \
      org.opencontainers.image.description="The policy decision sidecar for AI agents" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/acs /opt/acs
COPY manifests /etc/acs/manifests
ENV PATH=/opt/acs/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    ACS_MANIFESTS=/etc/acs/manifests
USER 65532:65532
EXPOSE 8383
ENTRYPOINT ["acs-sidecar"]
CMD ["serve"]
