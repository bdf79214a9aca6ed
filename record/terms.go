package record

import (
	"sync"
	"time"
)

// Terms say what of a transaction is kept, and how much.
type Terms struct {
	ID           string // of the entry in the configuration
	Parts        Parts
	RequestBody  int  // bytes at most
	ResponseBody int  // bytes at most
	Record       int  // bytes of heads and bodies together at most
	Unreadable   bool // bodies that are no text are kept, which cannot be masked
	Budget       *Budget
}

// Lookahead is how much of a body is captured beyond its limit, since a secret is not recognized by its first half.
const Lookahead = 1 << 10

// Parts are what a record has, as parts of ModSecurity's audit log.
type Parts uint16

// The parts. What stands in none of them, as the time and the client (A), is always there.
const (
	RequestHeaders  Parts = 1 << iota // B, and what a record has of the request in any case
	RequestBody                       // C
	BodyNoFiles                       // I: the request's body, but for the contents of files in a form
	ResponseBody                      // E
	ResponseHeaders                   // F
	Outcome                           // H: scores, and who has answered
	Files                             // J
	MatchedRules                      // K
)

var letters = []struct {
	letter byte
	word   string
	part   Parts
}{
	{'B', "request_headers", RequestHeaders},
	{'C', "request_body", RequestBody},
	{'I', "request_body_without_files", BodyNoFiles},
	{'J', "files", Files},
	{'F', "response_headers", ResponseHeaders},
	{'E', "response_body", ResponseBody},
	{'H', "outcome", Outcome},
	{'K', "rules", MatchedRules},
}

// PartWords are the words for parts.
func PartWords() (words []string) {
	for _, l := range letters {
		words = append(words, l.word)
	}
	return words
}

// PartsOf is the set of parts with these words, or letters.
func PartsOf(words []string) (p Parts) {
	for _, word := range words {
		for _, l := range letters {
			if l.word == word || string(l.letter) == word {
				p |= l.part
			}
		}
	}
	return p
}

// Has reports whether one of some parts is in the set.
func (p Parts) Has(some Parts) bool { return p&some != 0 }

// String is the set in letters of ModSecurity, which always has the first and the last one.
func (p Parts) String() string {
	out := []byte{'A'}
	for c := byte('B'); c < 'Z'; c++ {
		for _, l := range letters {
			if l.letter == c && p.Has(l.part) {
				out = append(out, c)
			}
		}
	}
	return string(append(out, 'Z'))
}

// Budget bounds the bytes of records per second. A second's worth may come at once. nil: there is no bound.
type Budget struct {
	perSecond float64

	mu   sync.Mutex
	left float64
	last time.Time
}

// NewBudget returns a budget of so many bytes per second; 0: no bound.
func NewBudget(perSecond int64) *Budget {
	if perSecond <= 0 {
		return nil
	}
	return &Budget{perSecond: float64(perSecond), left: float64(perSecond)}
}

// spend takes n bytes. What is larger than a second's worth has all of one, and leaves a debt.
func (b *Budget) spend(n int64, now time.Time) bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.last.IsZero() {
		b.left = min(b.perSecond, b.left+now.Sub(b.last).Seconds()*b.perSecond)
	}
	b.last = now
	if b.left < min(float64(n), b.perSecond) {
		return false
	}
	b.left -= float64(n)
	return true
}
