# For those who build with a container engine. "make image" needs none and gives the same file in
# the same place.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETOS=linux TARGETARCH VERSION=dev
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -tags no_fs_access,grpcnotrace -trimpath -buildvcs=false \
    -ldflags "-s -w -X main.version=$VERSION" -o /wafer ./cmd/wafer

FROM scratch
COPY --from=build /wafer /wafer
USER 65532:65532
WORKDIR /
ENTRYPOINT ["/wafer"]
