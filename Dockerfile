# lipblend with its tested package versions, as an ordinary user. See docs/docker.md.
FROM python:3.12-slim

# OpenCV needs libGL and GLib, MediaPipe needs libEGL and libGLESv2.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libegl1 libgles2 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY lipblend lipblend
RUN pip install --no-cache-dir -c constraints.txt . \
    && rm -rf /src

RUN useradd --create-home --uid 1000 lipblend \
    && mkdir /data /cache \
    && chown lipblend /data /cache \
    && chmod 1777 /data /cache

# Any user id may run it (docker run --user): caches and temporary files need no home folder.
ENV HOME=/tmp \
    LIPBLEND_CACHE=/cache \
    PYTHONUNBUFFERED=1
USER lipblend
WORKDIR /data
ENTRYPOINT ["lipblend"]
CMD ["--help"]
