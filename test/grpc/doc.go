// Package grpc has an application of gRPC called through the tier, by grpc-go on both sides: calls of all four
// kinds, clean ones and attacks in each, as messages, metadata and trailers.
package grpc
