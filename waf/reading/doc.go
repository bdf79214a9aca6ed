// Package reading finds in a request, and in the response to it, the values that Coraza
// v3.8.1 would show to rules, without Coraza: in one pass, in microseconds, and without
// allocation once a [Values] is warm.
//
// Equal means equal: every variable that [KindOf] knows has the same (key, value) pairs as
// Coraza's collection of that name, duplicates included; only their order is the document's,
// where Coraza's is that of a map. Whatever is not proven equal (a body that does not parse,
// one beyond a limit, a rare form of multipart or XML) is not guessed: [Values.Body] says so,
// and the caller has to ask Coraza.
//
// What holds for Coraza as the parent package configures it: built with no_fs_access and
// without the tags that change keys or phases, SecArgumentsLimit 1000,
// SecRequestBodyJsonDepthLimit 1024, bodies below the limits.
//
// The tests compare the two on files and on fuzzed requests.
package reading
