package residue

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/waf/screen/seclang"
	"github.com/wafer-waf/wafer/waf/screen/transform"
)

// outcome is what is known of a link without a request.
type outcome uint8

const (
	unsure outcome = iota
	always
	never
)

// decide evaluates a link that depends on no request.
func (f *folder) decide(l *Link, action bool, known *Constants) outcome {
	if action {
		return always
	}
	if l.Operator.Opaque != "" {
		return unsure
	}
	if !l.Operator.Constant {
		return unsure
	}
	matched := 0
	for i := range l.Targets {
		t := &l.Targets[i]
		switch t.Source {
		case FromTX:
			if t.KeyRx == nil && known.isDynamic(t.Key) || t.KeyRx != nil && known.mayMatch(t.KeyRx) {
				return unsure
			}
		case FromRequest:
			if len(t.Kinds) > 0 || t.Count {
				return unsure
			}
			continue
		default:
			return unsure
		}
		for _, text := range known.texts(t) {
			if l.matches(text) {
				matched++
			}
		}
	}
	switch {
	case matched == 0:
		return never
	case matched > 1 && len(l.Sets) > 0:
		return unsure // what it sets, it sets more than once
	}
	return always
}

// texts are the values of a target that reads constants.
func (c *Constants) texts(t *Target) []string {
	var list []string
	if t.KeyRx != nil {
		for _, key := range t.ConstantKeys {
			list = append(list, c.Values[key])
		}
	} else if text, ok := c.Values[t.Key]; ok && !t.Excepts(t.Key) {
		list = append(list, text)
	}
	if t.Count {
		return []string{strconv.Itoa(len(list))}
	}
	return list
}

// matches reports whether a link whose operator is constant matches a value.
func (l *Link) matches(text string) bool {
	var buffer transform.Buffer
	if !l.MultiMatch {
		return l.Operator.Match(l.Chain.Apply(text, &buffer), "") != l.Negated
	}
	found := false
	l.Chain.Each(text, &buffer, func(s string) bool {
		found = found || l.Operator.Match(s, "") != l.Negated
		return true
	})
	return found
}

// setsByRequest reports whether a link sets a variable to what depends on requests.
func setsByRequest(l *Link, known *Constants) bool {
	for _, s := range l.Sets {
		key, named := s.Key.Constant()
		if _, constant := s.Value.Constant(); !named || !constant || known.isDynamic(strings.ToLower(key)) {
			return true
		}
	}
	return false
}

// run carries out what a link that always matches sets, which depends on no request.
func (f *folder) run(r *seclang.Rule, l *Link, known *Constants) error {
	if len(l.Controls) > 0 {
		return fmt.Errorf("decides how every body is parsed")
	}
	for _, s := range l.Sets {
		key, _ := s.Key.Constant()
		value, _ := s.Value.Constant()
		key = strings.ToLower(key)
		before, was := known.Values[key]
		if after, set := Assigned(before, value); set && (!was || after != before) {
			known.own()
			known.Values[key] = after
			f.changed[r] = true
		}
	}
	return nil
}

// forget forgets the values of variables that a link may set.
func (f *folder) forget(l *Link, known *Constants) {
	for _, s := range l.Sets {
		known.depends(s.Key)
	}
}
