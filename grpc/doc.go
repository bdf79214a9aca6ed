// Package grpc is what gRPC and gRPC-Web say on top of HTTP: the prefix of a message, the Base64 of
// gRPC-Web's text form, trailers in a body, the status of a call, its deadline. It does no I/O of its own,
// undoes no compression and knows nothing of what is in a message.
//
// Its functions may be called concurrently; a [TextReader] belongs to one goroutine. What is returned as
// fields are strings of their own.
package grpc
