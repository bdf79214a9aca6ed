// Package endpoints finds the pods behind Services by their EndpointSlices, which it watches: what the API server knows
// of them is known here a moment later, without a name server between.
//
// It takes the rights to get, list and watch EndpointSlices in the namespaces of those Services, and no others. Of
// client-go it uses the REST client alone, with one type: what makes caches for whole kinds of objects would cost
// every pod memory, and the binary megabytes.
package endpoints
