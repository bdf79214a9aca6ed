package inject

import (
	"strings"
	"testing"
)

func FuzzSQLi(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(checkSQLi)
}

func FuzzXSS(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(checkXSS)
}

// FuzzPieces reads bytes as pieces of SQL, which reaches more of the library than bytes do.
func FuzzPieces(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, sequence []byte) {
		var b strings.Builder
		for _, c := range sequence[:min(len(sequence), 24)] {
			b.WriteString(pieces[int(c)%len(pieces)])
			if int(c) < len(pieces) {
				b.WriteByte(' ')
			}
		}
		checkSQLi(t, b.String())
	})
}
