# The service on Debian slim, run by an unprivileged user. A change of the code does not recompile the dependencies:
#   skeleton  the manifests, and an empty file for every target
#   builder   the dependencies (a layer that changes only with the skeleton), then the code
# The profile `sinks` of docker-compose.yml also builds the stages samples-builder and samples.

FROM rust:1.95-bookworm AS skeleton
WORKDIR /src
COPY . .
RUN scripts/docker-skeleton.sh /src /skeleton

FROM rust:1.95-bookworm AS builder
WORKDIR /src
COPY --from=skeleton /skeleton .
RUN cargo build --locked --release --package watchword --bin watchword
COPY . .
# Cargo compares times: the real files must be newer than the build of the empty ones.
RUN find . -name '*.rs' -not -path './target/*' -exec touch {} + \
    && cargo build --locked --release --package watchword --bin watchword

FROM builder AS samples-builder
# Without the copies with a hash in their name.
RUN cargo build --locked --release --package watchword-examples --examples \
    && find target/release/examples -type f -perm /111 -regex '.*/[a-z_]+' -exec install -D -t /samples {} +

FROM debian:bookworm-slim AS samples
# The certificate authorities, for TLS to the servers of the samples.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 samples \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/samples --shell /usr/sbin/nologin samples \
    && install -d -o samples -g samples -m 0700 /var/lib/samples
COPY --from=samples-builder /samples/ /usr/local/bin/
USER 10001:10001
# The state of the samples.
WORKDIR /var/lib/samples
VOLUME /var/lib/samples
CMD ["tail"]

FROM debian:bookworm-slim
# The certificate authorities, for TLS to NATS, PostgreSQL and Redis. The directory is open to the group root, since some
# platforms run the image as any user of that group; every user can start in it.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 watchword \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/watchword --shell /usr/sbin/nologin watchword \
    && install -d -o watchword -g root -m 0771 /var/lib/watchword
COPY --from=builder /src/target/release/watchword /usr/local/bin/watchword

USER 10001:10001
WORKDIR /var/lib/watchword
# The SQLite file and the generated secret key, if no database and no key are configured.
VOLUME /var/lib/watchword
ENV WATCHWORD__DATA_DIR=/var/lib/watchword
EXPOSE 3001
# It reads the environment of the container. For a configuration file set WATCHWORD_CONFIG, which it reads too.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["watchword", "healthcheck"]
ENTRYPOINT ["watchword"]
CMD ["serve"]
