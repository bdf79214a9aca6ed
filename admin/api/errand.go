package api

import (
	"crypto/rand"
	"errors"
	"sync"
)

// errandHeader carries a word that only this process knows, from a question to a peer. A question that comes back with it was asked at
// an address of this process. The instance that answers tell proves nothing: every peer is told it.
const errandHeader = "Wafer-Errand"

// errPosing is why an answer does not count.
var errPosing = errors.New("it says to be another pod than the one that was asked")

// errands are the questions to peers that are under way.
type errands struct {
	mu   sync.Mutex
	sent map[string]bool // by word: it has come home
}

// errand is one of them.
type errand struct {
	of   *errands
	word string
}

func (e *errands) begin() errand {
	word := rand.Text()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.sent == nil {
		e.sent = map[string]bool{}
	}
	e.sent[word] = false
	return errand{e, word}
}

// arrived notes that a question with a word has come in, and reports whether this process has sent it.
func (e *errands) arrived(word string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, own := e.sent[word]
	if own {
		e.sent[word] = true
	}
	return own
}

// home reports whether this process itself was asked.
func (e errand) home() bool {
	e.of.mu.Lock()
	defer e.of.mu.Unlock()
	return e.of.sent[e.word]
}

func (e errand) end() {
	e.of.mu.Lock()
	defer e.of.mu.Unlock()
	delete(e.of.sent, e.word)
}
