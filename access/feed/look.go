package feed

import (
	"context"
	"crypto/sha256"
	"fmt"
	"reflect"
	"time"

	"github.com/wafer-waf/wafer/access/addresses"
)

// text is what a source has given.
type text struct {
	data       string
	validators validators
	saved      time.Time // when it was written, as far as anybody says so
}

// validators are what a server, or the text itself, calls a version of a text.
type validators struct {
	ETag         string   `json:"etag,omitempty"`
	LastModified string   `json:"last_modified,omitempty"`
	SHA256       [32]byte `json:"sha256"`
}

// look asks the source and has what it says pass the guards. It returns errSame if that is in force.
func (l *List) look(ctx context.Context) (*addresses.Set, addresses.Outcome, error) {
	var got text
	var err error
	if l.config.File != "" {
		got, err = l.readFile()
	} else {
		got, err = l.config.Web.get(ctx, l.kept, l.config.MaxSize)
	}
	if err != nil {
		return nil, addresses.Outcome{}, err
	}
	if got.validators.SHA256 == l.kept.SHA256 {
		l.kept = got.validators
		return nil, addresses.Outcome{}, errSame
	}
	set, outcome, err := l.judge(got.data, got.saved, time.Now())
	if err != nil {
		return nil, outcome, err
	}
	l.kept = got.validators
	l.keep(got)
	return set, outcome, nil
}

func (l *List) readFile() (text, error) {
	data, written, err := l.source.Read(l.config.MaxSize)
	if err != nil {
		return text{}, err
	}
	return text{data: string(data), validators: validators{SHA256: sha256.Sum256(data)}, saved: written}, nil
}

// judge reads a text and says what is wrong with it as a whole.
func (l *List) judge(data string, saved, now time.Time) (*addresses.Set, addresses.Outcome, error) {
	r, g := l.config.Reading, l.config.Guards
	r.Saved, r.Now = saved, now
	set, o, err := addresses.Parse(data, r)
	if err != nil {
		return nil, o, err
	}
	before := l.set.Load().Len()
	switch {
	case o.Bad*100 > o.Read*g.MaxBad:
		err = fmt.Errorf("%d of %d entries cannot be read, more than max_bad allows; %s", o.Bad, o.Read, o.Told[0])
	case o.Entries < g.MinEntries:
		err = fmt.Errorf("%d entries are less than min_entries, %d", o.Entries, g.MinEntries)
	case before > 0 && o.Entries*100 < before*(100-g.MaxShrink):
		err = fmt.Errorf("%d entries after %d: more are gone than max_shrink allows, %d%%", o.Entries, before, g.MaxShrink)
	}
	return set, o, err
}

func (c *Config) sameReading(d *Config) bool {
	a, b := c.Reading, d.Reading
	return reflect.DeepEqual(a, b)
}
