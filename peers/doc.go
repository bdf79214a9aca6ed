// Package peers finds the processes that serve the same files, by the names of their admin listeners, and asks them.
//
// A peer may be slow, dead, of another version or hostile: each answer is bounded in time and size, redirects are not
// followed, no proxy is used, and no more than [Most] peers are asked. What an answer says is for the caller to doubt.
//
// All methods may be called concurrently.
package peers
