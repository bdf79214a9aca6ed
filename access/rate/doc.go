// Package rate says how often somebody may ask. A [Limit] has a quota and a key: requests with the same key share a
// bucket, from which each takes what it costs and which fills at the limit's rate (GCRA, the generic cell rate
// algorithm). Within any time t, a bucket gives burst + rate*t at most, to the unit.
//
// Buckets are the process's, not the configuration's: a reload keeps them ([State]). Their number is bounded, and
// which one is forgotten when there is no room is the one that owes least, so that nobody gets rid of his own.
// Replicas share them through a [Store], exactly or approximately; who does not share them needs none.
//
// What a request is, is left to a [Source], the conditions on which a limit applies to the caller, and so is what a
// store is. A [State] and a [Limit] may be used concurrently, an [Asked] by one request at a time.
package rate
