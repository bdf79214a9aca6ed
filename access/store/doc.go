// Package store holds what replicas share, in Redis or Valkey: buckets of limits, bans, hits that
// lead to bans, and variables of collections. It is the only owner of the client library.
//
// Everything here is optional for whoever asks. A store that is dead, frozen, slow or full costs a
// request at most [Options.Timeout], a few times in a row; then every operation fails at once with
// [ErrDown], until a probe in the background has found the store well again. What to do meanwhile is
// for the caller to decide. Times are those of the server, so that clocks of replicas do not matter.
// What the store says is not believed: sizes of its replies are bounded, their shape is checked.
//
// A [Store] may be used by any number of goroutines.
package store
