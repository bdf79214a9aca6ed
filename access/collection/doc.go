// Package collection keeps the persistent collections of SecLang: in a table of this process, and in the
// store that all replicas share, if there is one.
//
// The table is bounded by the number of collections and by the memory that they take; what was used
// longest ago is forgotten first. It is always what rules see. With a store it is a copy: who begins a
// collection of which the copy is older than [Fresh] asks the store for it, once, and what was changed is
// sent behind the request's back, as changes, so that replicas that count at the same time lose nothing.
// Without the store, or while it is away, the table is all there is, and each replica counts alone.
package collection
