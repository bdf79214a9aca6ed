// What only the tests with a client and an application of gRPC need. A module of its own, so that the product's
// go.mod lists what ships.
module github.com/wafer-waf/wafer/test/grpc

go 1.26.0

require (
	github.com/wafer-waf/wafer v0.0.0
	google.golang.org/grpc v1.85.0
	google.golang.org/protobuf v1.36.12
)

require (
	github.com/andybalholm/brotli v1.2.8 // indirect
	github.com/klauspost/compress v1.20.4 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
	golang.org/x/text v0.44.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260928230214-8a89bd6388cc // indirect
)

replace github.com/wafer-waf/wafer => ../..
