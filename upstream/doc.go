// Package upstream is one logical backend: its endpoints, the choice among them, a pool of
// kept-alive connections to each, time limits, and HTTP/1 spoken strictly enough that no
// response can reach a request it was not meant for.
//
// Endpoints are as configured or, with discovery, all addresses that their names have in DNS.
// That is enough to see the pods behind a headless Service, without rights in the cluster and
// without a client for its API.
//
// It leaves to others: which upstream a request goes to (routing), what the request says
// (the caller builds it; its body is framed here), hop-by-hop fields of the response, and
// what a failure means for the client. It logs and counts nothing, but tells what it covers
// up (Exchange.Retried, Config.Changed); FailureOf turns an error into a metric label and a status.
//
// Pool and Split are safe for concurrent use. An Exchange belongs to one goroutine at a
// time, from Do until its Body is closed, and must not be reused before that; in return
// the path from Do to Close allocates the head of the response, as one string, and nothing else on a
// kept-alive connection (BenchmarkDo). A request is only read while Do runs. The fields of a response are
// sub-strings of that copy, valid for as long as somebody keeps them; body bytes live in the
// buffer given to Read.
//
// Connections are kept for the next exchange, the one that was used last first (kept). Each counts
// against limits of its endpoint and of the upstream from before it is dialed until it is closed (endpoint.room).
//
// A kept connection is used again only if the last message on it ended exactly where
// its framing said, nothing was buffered behind it, and the socket is silent at the
// moment of reuse. This is what stops response-queue poisoning, and it replaces
// connections that the endpoint closed in the meantime without failing a request. Bytes
// that arrive only when the next request is on its way cannot be told from its response;
// HTTP/1 has no means against an endpoint that does this.
package upstream
