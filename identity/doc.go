// Package identity says who a client has proved to be: whether its certificate was issued by an authority
// that is trusted, whether that has taken it back, and whether its names or its key are among those that are
// let in. It is asked in the handshake, and again for each request: authorities, revocations and routes change
// while a connection lives.
//
// It reads no files and opens no connections. Everything here but [Asked] is built once and never changed, and
// all of it may be used concurrently.
package identity
