package inject

import "testing"

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
