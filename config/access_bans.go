package config

import "time"

// AccessBan bans who does too much of what is not wanted.
type AccessBan struct {
	ID string `mapstructure:"id"`

	// What is counted; a request counts once.
	Statuses []StatusRange `mapstructure:"statuses"` // of responses
	Blocked  bool          `mapstructure:"blocked"`  // by the inspection
	Limited  bool          `mapstructure:"limited"`  // by a limit
	Score    int           `mapstructure:"score"`    // of the inspection, or more; 0: it does not matter

	Count   int           `mapstructure:"count"` // so many
	Window  time.Duration `mapstructure:"window"`
	Key     []KeyPart     `mapstructure:"key"`
	Missing Missing       `mapstructure:"missing"` // skip or count

	Scope   BanScope      `mapstructure:"scope"`
	For     time.Duration `mapstructure:"for"`     // the first ban
	Growth  float64       `mapstructure:"growth"`  // each further one lasts so much longer,
	Longest time.Duration `mapstructure:"longest"` // up to this,
	Forget  time.Duration `mapstructure:"forget"`  // until so much time has passed after one ended

	Status int         `mapstructure:"status"` // of answers to who is banned
	Mode   Enforcement `mapstructure:"mode"`

	Source string `mapstructure:"-"` // key path of the ban, which may be inherited
}

// BanScope says where a ban holds.
type BanScope string

// Where it can.
const (
	BanEverywhere BanScope = "all"
	BanHost       BanScope = "host"
	BanRoute      BanScope = "route"
)

// DefaultBan returns what a ban is before the file says anything about it.
func DefaultBan() AccessBan {
	return AccessBan{
		Window: time.Minute, Key: []KeyPart{{Part: KeyClient}}, Scope: BanEverywhere,
		For: 10 * time.Minute, Growth: 2, Longest: 24 * time.Hour, Forget: 24 * time.Hour, Status: 403, Mode: Enforce,
	}
}

func fillBan(b *AccessBan, has func(key string) bool) {
	d := DefaultBan()
	fill(&b.Window, d.Window, has("window"))
	fill(&b.Key, d.Key, has("key"))
	fill(&b.Scope, d.Scope, has("scope"))
	fill(&b.For, d.For, has("for"))
	fill(&b.Growth, d.Growth, has("growth"))
	fill(&b.Longest, d.Longest, has("longest"))
	fill(&b.Forget, d.Forget, has("forget"))
	fill(&b.Status, d.Status, has("status"))
	fill(&b.Mode, d.Mode, has("mode"))
}
