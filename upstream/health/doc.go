// Package health says which endpoints of an upstream are asked: from how requests to them end, and from
// what active checks say of them.
//
// An endpoint that fails several times in a row, while another one serves, is ejected for a time, which
// grows with each ejection that follows soon. Then one request, or a check, has to succeed before it is
// asked like the others. There is a bound on how many are ejected at once, and if too few are left, all
// are asked (panic): a wrong guess must not turn a fault of some endpoints into one of all.
//
// It is state, and nothing else: no I/O, no goroutine, no log. It leaves to others: which of the available
// endpoints is next (balance), what a request or a check is (the pool), what a change is worth telling
// (Config.Tell). Time is asked for only while something is wrong with an endpoint.
//
// A Set and its States are safe for concurrent use. State.Available, State.Take and State.Note of a request that
// went well take no lock and allocate nothing while all is well.
package health
