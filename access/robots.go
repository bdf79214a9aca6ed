package access

import (
	"net/http"
	"time"

	"github.com/wafer-waf/wafer/access/bots"
)

// Pending says what becomes of a request when a rule depends on whether its client is the robot that it says, and that is
// not known yet.
type Pending uint8

// What can.
const (
	PendingDenies Pending = iota // it may come again
	PendingChallenges
	PendingAllows // as if it were
)

// Robot is a robot that conditions can name. It holds for clients that are verified to be it.
type Robot struct {
	bot  *bots.Bot
	told *bots.Verifier
}

// Robot returns a robot as it is defined.
func (s *State) Robot(d bots.Definition) (*Robot, error) {
	b, err := bots.New(d)
	if err != nil {
		return nil, err
	}
	return &Robot{b, s.robots()}, nil
}

// isRobot reports whether the client is one of these, or may be.
func isRobot(all []*Robot, r *Request) bool {
	agent := r.Fields.Get("User-Agent")
	for _, robot := range all {
		if !robot.bot.Claims(agent) {
			continue
		}
		switch robot.told.Stands(robot.bot, r.Client, r.Now) {
		case bots.Verified:
			return true
		case bots.Pending:
			r.undecided = true
			return true
		}
	}
	return false
}

// comeAgain is when it is known what a client is.
const comeAgain = 3 * time.Second

// instead is what is done instead of a rule that depends on what is not known yet.
func (p *Policy) instead(by *rule) *rule {
	other := &rule{Rule: Rule{ID: by.ID, Then: Denies, Status: http.StatusTooManyRequests}, later: comeAgain}
	if p.pending == PendingChallenges {
		other.Then = Challenges
	}
	return other
}
