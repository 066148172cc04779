# One image for every process of the town: `serve auth`, `serve gateway`, `migrate` …
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /town

# The packages change rarely, so they come first.
COPY requirements.txt .
RUN pip install --require-hashes --requirement requirements.txt

COPY pyproject.toml README.md ./
COPY protos protos
COPY services services
COPY gateway gateway
COPY town town
# Compiled here, because whoever runs it may not write.
RUN pip install --no-deps --no-build-isolation --editable . \
    && python -m compileall -q protos services gateway town \
    && useradd --uid 10001 --user-group --home-dir /var/lib/nesra --create-home nesra

USER 10001:10001
ENV NESRA_HOME=/var/lib/nesra NESRA_HOST=0.0.0.0
ENTRYPOINT ["nesra"]
CMD ["--help"]
