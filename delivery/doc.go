// Package delivery brings items, such as events, to a receiver elsewhere that may be slow, dead or talking nonsense,
// without ever keeping those waiting who have the items: they are copied into a queue that is bounded in bytes, or lost,
// and a single goroutine carries them in batches, again and again until the receiver has taken them.
//
// Each item that a queue is given is reported exactly once, as sent or as lost, at the latest when the queue is closed.
// A batch of which nobody knows whether the receiver has taken it is carried again: items may arrive twice.
//
// How a batch is carried, and to whom, is a Carrier's business. What is given to a queue may come from many goroutines.
package delivery
