# syntax=docker/dockerfile:1
# Tollbar as an image: `docker build -t tollbar .`, then `docker run -p 127.0.0.1:8000:8000 -v tollbar:/data tollbar`.
# What is installed is locked by hash; nothing of the build, neither pip nor its caches, is in the result.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
RUN python -m venv --without-pip /opt/tollbar
# The dependencies come first: they change seldom, and are then taken from the builder's cache.
COPY requirements/scale.txt requirements/build.txt requirements/
RUN pip --python /opt/tollbar/bin/python install --only-binary :all: --require-hashes --requirement requirements/scale.txt \
    && pip install --only-binary :all: --require-hashes --requirement requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY docs docs
COPY src src
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && pip --python /opt/tollbar/bin/python install --no-deps --no-index /wheels/*.whl

FROM python:${PYTHON}-slim
# The engine for local models computes with it.
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin tollbar \
    && install --directory --owner=tollbar --group=tollbar --mode=0700 /data
COPY --from=build /opt/tollbar /opt/tollbar
COPY deploy/healthcheck.py /opt/tollbar/healthcheck.py
ENV PATH=/opt/tollbar/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 API_HOST=0.0.0.0 TOLLBAR_DATA=/data
# By number, so that Kubernetes can see that it is not root. A tollbar.yaml that is mounted here is found by itself.
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["python", "/opt/tollbar/healthcheck.py"]
ENTRYPOINT ["tollbar"]
CMD ["serve"]
