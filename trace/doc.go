// Package trace makes spans of OpenTelemetry about requests, by its SDK, and brings them to a collector.
//
// A request gets the ids of its spans when it begins, since applications have to be told them, and whether it is sampled
// is decided then. The spans themselves are made when it has ended, of what is known by then: a request that nobody
// wants to see costs two random numbers, and one that was blocked can be seen although it was not sampled.
//
// A Tracer may be used concurrently, a Request by one goroutine at a time.
package trace
