// Package agreement compares what applications read with what the rules were shown: for
// requests that are made to be read in several ways, every name and every value that a real
// parser finds is among the values of package reading, or the tier has refused the request.
//
// The parsers are those of Go, PHP, Python, Node, Ruby and Perl. Each runs behind the real
// tier and reports what it reads of the bytes that were forwarded. Those that are not
// installed are left out, and the test says so.
//
// The requests are generated: the same in each run, a few hundred for each parser, or
// WAFER_TEST_AGREEMENT of them. A disagreement is made as small as possible before it is
// printed.
//
// It belongs to tests only and exports nothing.
package agreement
