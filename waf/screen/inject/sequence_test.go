package inject

import (
	"math/rand/v2"
	"strings"
	"testing"

	libinjection "github.com/corazawaf/libinjection-go"
)

// pieces has a text for each class of token and for each word that folding treats in its own way.
var pieces = []string{
	"a", "1", "'b'", "\"", "'", "@c", "@@", "@user", "1.5e", ".", ",", ";", ":", "?", "(", ")", "+", "-", "!", "*", "/", "=", "<=>", "||", "&&", "::",
	"{", "}", "[d]", "\\", "\\N", "`", "``", "#", "--", "-- ", "\n", "/**/", "/*!", "/*", "*/", "$", "$1", "$$", "x'1'", "n'", "u&'", "q'(",
	"and", "or", "not", "is", "like", "in", "between", "if", "iff", "user", "password", "database", "current_user", "user_id", "select", "union", "all", "from", "into",
	"outfile", "order", "by", "group", "having", "limit", "for", "update", "collate", "utf8_bin", "binary", "int", "double", "precision", "date", "sleep",
	"insert", "delete", "drop", "table", "exec", "begin", "declare", "waitfor", "delay", "null", "true", "boolean", "mode", "case", "when",
	"set", "sys.stragg", "select.a", "a.b", "sp_password", "right", "join", "div", "sounds", "xor", "\xa0", "ı", "un\u0131on", "fal\u017fe", "0x1f", "0x", "abort",
}

// TestSequences compares all sequences of up to three pieces, with and without space between
// them.
func TestSequences(t *testing.T) {
	for _, a := range pieces {
		for _, b := range pieces {
			for _, c := range append(pieces, "") {
				checkSQLi(t, a+" "+b+" "+c)
				checkSQLi(t, a+b+c)
			}
		}
		if t.Failed() {
			return
		}
	}
}

// few are pieces of every class that folding knows, and no two of a kind.
var few = []string{"a", "1", "'", "''", "@c", ",", ";", ".", "?", "(", ")", "-", "*", "and", "is", "in", "sleep", "user", "select", "union", "from", "int", "exec", "--", "group", "by", "'b'"}

// TestFew compares all sequences of four of them.
func TestFew(t *testing.T) {
	var parts [4]string
	for _, parts[0] = range few {
		for _, parts[1] = range few {
			for _, parts[2] = range few {
				for _, parts[3] = range few {
					checkSQLi(t, strings.Join(parts[:], " "))
				}
			}
		}
		if t.Failed() {
			return
		}
	}
}

// TestRandomSequences compares longer ones.
func TestRandomSequences(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300_000 {
		var b strings.Builder
		for range 4 + random.IntN(8) {
			list := pieces
			if random.IntN(3) > 0 {
				list = few
			}
			b.WriteString(list[random.IntN(len(list))])
			if random.IntN(4) > 0 {
				b.WriteByte(' ')
			}
		}
		checkSQLi(t, b.String())
		if t.Failed() {
			return
		}
	}
}

// TestFolds has injections that only look harmless until something is folded away or becomes
// something else: one for each thing that settled, add and begin wait for.
func TestFolds(t *testing.T) {
	for _, s := range []string{
		"1 and ? and 1",             // & x & is &
		"a' = ? = 'b",               // o x o is o
		"1 , 1 union select a",      // an operand behind a comma
		"a . b union select 1",      // and behind a dot
		"a = 1 union select 1",      // and behind an operator
		"a group by 1",              // words that become a phrase
		"user ( ) union",            // a name that becomes a function
		"int 1 union select 1",      // a type is nothing
		"(((- + 1 union select 1",   // nor are these
		"a = - - 1 union select 1",  // unary operators
		"1; iff from a",             // IF behind a semicolon
		"like(1) union select 1",    // LIKE as a function
		"1 union select.a from b",   // a keyword before a dot
		"1e union select 1",         // a number that is none
		"a :: int union select 1",   // a cast
		"{``.``.id} union select 1", // evil by itself
		"a b /*! c */",              // evil behind a harmless beginning
		"1 un\u0131on select 1",     // upper case in ASCII
	} {
		if found, _ := libinjection.IsSQLi(s); !found || !SQLi(s) {
			t.Errorf("%q: the library says %t, we say %t", s, found, SQLi(s))
		}
	}
}
