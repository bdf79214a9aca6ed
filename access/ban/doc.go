// Package ban remembers who is banned, and finds out who has to be: those who do too much of what a [Rule] counts
// within its window. Each further ban of the same lasts longer, until enough time has passed after one.
//
// A [Table] belongs to the process and outlives configurations. It is bounded. Where there is a store, bans and what leads
// to them are shared with all replicas in the background, and bans survive restarts; where there is none, or while it
// is down, the table is what this process alone knows. No request waits for the store here, and [Table.Banned]
// allocates nothing.
//
// What a store says is not believed: texts that are no target and bans of those who are spared are refused and counted.
//
// A Table may be used by any number of goroutines.
package ban
