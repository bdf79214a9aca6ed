// Package file keeps lines, such as events, in a file that is bounded: before it gets too large or too
// old it is put aside under the time at which that was, and the oldest of those put aside are removed.
//
// A File holds whole lines whatever happens. What a write that failed has left of a line is taken back,
// and what a process that was killed has left is taken back by the next one. A file that somebody has moved
// or removed is begun anew. One process writes to a file at a time; it is locked.
//
// A Sink is a File behind a queue: nobody waits for a disk that is slow, full or gone.
package file
