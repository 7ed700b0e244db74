# The operator's tool on nothing but glibc and the CA roots:
#
#   docker build --tag spotkeeper .
#   docker run --rm --volume "$PWD:/work" spotkeeper check template.yaml
#   docker run --rm --volume "$HOME/.aws:/home/.aws:ro" --env AWS_REGION --env AWS_PROFILE spotkeeper assess
FROM rust:1.95.0-slim-bookworm@sha256:d7482085ff5b415f84dba5647ae71606650bdef00db7aeb69f4b3d170c3e4082 AS build
WORKDIR /src
COPY . .
RUN cargo install --locked --path cli --root /out
RUN sh cli/rootfs.sh /out/bin/spotkeeper /rootfs

FROM scratch
COPY --from=build /rootfs /
# The SDK looks for ~/.aws.
ENV HOME=/home
WORKDIR /work
USER 65534:65534
ENTRYPOINT ["/usr/bin/spotkeeper"]
