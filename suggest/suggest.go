// Package suggest finds the word that was probably meant in place of a misspelled one. Its functions
// keep no state and may be called concurrently.
package suggest

import (
	"fmt"
	"strings"
)

// DidYouMean returns `: did you mean "x"?` for the known word nearest to the given one,
// or "" if none is near enough to be a slip of the pen.
func DidYouMean(given string, known []string) string {
	if word := Nearest(given, known); word != "" {
		return fmt.Sprintf(": did you mean %q?", word)
	}
	return ""
}

// Nearest returns the known word with the smallest edit distance to the given one, the
// first of equals, or "" if all differ in more than a third of their letters.
func Nearest(given string, known []string) string {
	const longest = 128 // nobody means a key of this length; bounds the work
	if len(given) > longest {
		return ""
	}
	given = strings.ToLower(given)
	best, bestDistance := "", 0
	for _, word := range known {
		d := editDistance(given, strings.ToLower(word))
		if d <= max(1, max(len(given), len(word))/3) && (best == "" || d < bestDistance) {
			best, bestDistance = word, d
		}
	}
	return best
}

// editDistance counts inserted, deleted and replaced bytes, and swaps of neighbors.
func editDistance(a, b string) int {
	before := make([]int, len(b)+1) // the row before the last
	last := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := last[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
