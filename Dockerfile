# The service in a container.
#
#   docker build --tag secateurs .                              # with the embedding model, in process
#   docker build --tag secateurs:slim --build-arg VARIANT=slim .   # without torch: models run elsewhere
#   docker run --rm --publish 127.0.0.1:8000:8000 --volume secateurs:/var/lib/secateurs secateurs
#
# BASE is any Debian or Ubuntu image with Python 3.11 or newer and its venv module.
ARG BASE=python:3.13-slim-trixie
ARG VARIANT=full

# hadolint ignore=DL3006
FROM ${BASE} AS build
ARG VARIANT
# Where PyTorch's wheels come from: without it they are PyPI's, which bring gigabytes of CUDA along. Their "Start locally"
# page names the address of the CPU build.
ARG TORCH_INDEX=
# Files are read as they are, so what Python compiles must be there already.
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
RUN python3 -m venv /opt/secateurs
COPY requirements requirements
RUN case "${VARIANT}" in full) set=local ;; slim) set=base ;; *) echo "VARIANT is full or slim" >&2; exit 1 ;; esac \
    && /opt/secateurs/bin/pip install --quiet --requirement "requirements/${set}.txt" \
       ${TORCH_INDEX:+--extra-index-url "${TORCH_INDEX}"}
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY pruning pruning
# Left out: pip, in the slim image what only torch and downloads of models need, the tests of packages, translations of
# country names, and tokenizers that Tekken's newest file has superseded. Nothing of the service reads them.
RUN /opt/secateurs/bin/pip install --quiet --no-deps --no-build-isolation . \
    && unused="pip" && if [ "${VARIANT}" = slim ]; then unused="setuptools hf-xet pip"; fi \
    && for package in ${unused}; do /opt/secateurs/bin/pip uninstall --quiet --yes "${package}"; done \
    && find /opt/secateurs/lib -type d \( -name tests -o -path '*/pycountry/locales' \) -prune -exec rm -r {} + \
    && find /opt/secateurs/lib -path '*/mistral_common/data/*' \( -name '*.model*' -o -name tekken_240718.json \) -delete

# hadolint ignore=DL3006
FROM ${BASE} AS runtime
RUN useradd --uid 10001 --user-group --home-dir /var/lib/secateurs --create-home secateurs
COPY --from=build /opt/secateurs /opt/secateurs
# Whatever is written is written into the one volume: the root file system may be read-only.
ENV PATH=/opt/secateurs/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SECATEURS_HOST=0.0.0.0 \
    SECATEURS_PORT=8000 \
    SECATEURS_STATE_DIR=/var/lib/secateurs \
    TMPDIR=/var/lib/secateurs
WORKDIR /var/lib/secateurs
VOLUME /var/lib/secateurs
USER 10001:10001
EXPOSE 8000
# Alive, not ready: a service whose models are still loading must not be killed for it. /readyz tells the other.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python3", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"SECATEURS_PORT\"]}/healthz', timeout=4)"]
ENTRYPOINT ["secateurs"]
CMD ["serve"]

FROM runtime AS full

FROM runtime AS slim
# There is no model in the image: name a server in its place. Until then blocks are ranked by their words.
ENV SECATEURS_EMBEDDER=none

# hadolint ignore=DL3006
FROM ${VARIANT}
