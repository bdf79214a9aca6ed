// Package recent keeps the latest events of this process, and what was requested over the last hour, in bounded memory, for
// people who look: no database, no file.
//
// A [Store] has lines of events as they are written, in three rings of bytes: one for what rules have found, and one each for
// requests that were refused and for those that passed, which would push out the others. A [Filter] says which lines somebody wants; it reads lines of
// any writer, so that commands use the same for files. A [Timeline] has numbers of all requests, whatever is logged.
//
// Who adds an event waits for nobody who reads: readers copy what is kept, piece by piece. All methods may be called
// concurrently.
package recent
