package snapshot

import (
	"strings"
	"time"
)

// Standing is how what is in force relates to what the files say.
type Standing struct {
	Digest     string     `json:"digest,omitempty"` // of what is in force; empty: nothing yet
	Generation uint64     `json:"generation,omitempty"`
	Built      *time.Time `json:"built,omitempty"`
	// LastGood is where what is in force is from, if not from the files: they were refused at the start.
	LastGood string `json:"last_good,omitempty"`
	// Problems are why the files were refused, when they were last read; none: they are in force.
	Problems []string `json:"problems,omitempty"`
}

// maxProblems is how many problems a standing has, and maxProblem how long one may be. The log has all.
const (
	maxProblems = 10
	maxProblem  = 500
)

// problemLines makes of an error what a standing says of it.
func problemLines(err error) (lines []string) {
	if err == nil {
		return nil
	}
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if len(lines) == maxProblems {
			return append(lines, "and more, which the log has")
		}
		if len(line) > maxProblem {
			line = strings.ToValidUTF8(line[:maxProblem], "") + "…"
		}
		lines = append(lines, line)
	}
	return lines
}

// String says what is wrong, for people; nothing, if nothing is.
func (s Standing) String() string {
	if len(s.Problems) == 0 {
		return ""
	}
	why := "the configuration is refused: " + strings.Join(s.Problems, "; ")
	switch {
	case s.LastGood != "":
		return "serving the last good configuration, from " + s.LastGood + ", for " + why
	case s.Digest != "":
		return "serving the configuration from before, for " + why
	}
	return "no configuration to serve: " + why
}

// Standing returns how what is in force relates to the files.
func (k *Keeper[R]) Standing() Standing {
	if s := k.standing.Load(); s != nil {
		return *s
	}
	return Standing{}
}

// stand publishes what has come of a reload: of s, which is in force (nil: nothing is), and why the files are
// not (nil: they are).
func (k *Keeper[R]) stand(s *Snapshot[R], refused error) {
	now := Standing{Problems: problemLines(refused)}
	if s != nil {
		now.Digest, now.Generation, now.Built = s.digest, s.Generation, &s.built
		if refused != nil {
			now.LastGood = s.lastGood
		}
	}
	k.standing.Store(&now)
	k.Metrics.Standing(refused == nil, now.LastGood != "")
	if k.Stands != nil {
		k.Stands(now)
	}
}
