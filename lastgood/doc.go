// Package lastgood keeps the configuration that was in force last, where a process that starts with
// files that are refused finds it: in a folder, which a container that is started again still has, and at peers,
// which also a new pod has. It also tells which peers serve another configuration.
//
// What it gives is text that was good once. Whoever takes it has to check, build and prove it like
// any other text: a folder may be written by somebody else, a peer may be of another version or hostile.
// So every answer of a peer is bounded in size and time, and redirects are not followed.
//
// All methods may be called concurrently, but for Keep.
package lastgood
