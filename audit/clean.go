package audit

import "github.com/wafer-waf/wafer/mask"

// What a client or a rule has said is cut, cleaned and masked here, once for all formats and
// sinks. What the configuration says, and words of closed sets, stay as they are.

// Shown returns the event as others than Log may show it.
func (a *Access) Shown(p *mask.Policy) Access { return a.cleaned(p, nil) }

// cleaned returns the event as it may be written.
func (a *Access) cleaned(p *mask.Policy, known *fine) Access {
	c := *a
	c.RequestID = clean(a.RequestID, maxIDBytes)
	c.Method = clean(a.Method, maxMethodBytes)
	c.Host = known.prepared(p, a.Host, maxHostBytes)
	c.Path = path(p, a.Path)
	c.Protocol = clean(a.Protocol, maxMethodBytes)
	c.TLS.clean(p)
	c.UserAgent = known.prepared(p, a.UserAgent, maxUserAgentBytes)
	return c
}

// cleaned returns the event as it may be written, with those of its rules that are.
func (s *Security) cleaned(p *mask.Policy) Security {
	c := *s
	c.RequestID = clean(s.RequestID, maxIDBytes)
	c.Method = clean(s.Method, maxMethodBytes)
	c.Host = text(p, s.Host, maxHostBytes)
	c.Path = path(p, s.Path)
	c.TLS.clean(p)
	c.Rules = cleanedRules(p, s.Rules[:min(len(s.Rules), MostRules)])
	c.RulesDropped += len(s.Rules) - len(c.Rules)
	return c
}

// cleaned returns the event as it may be written.
func (b *Ban) cleaned(p *mask.Policy) Ban {
	c := *b
	c.RequestID = clean(b.RequestID, maxIDBytes)
	c.Who = clean(b.Who, maxHostBytes)
	c.Where = clean(b.Where, maxHostBytes)
	c.Rule = clean(b.Rule, maxIDBytes)
	c.Reason = text(p, b.Reason, maxMessageBytes)
	return c
}

func (s *Secured) clean(p *mask.Policy) {
	s.ServerName = text(p, s.ServerName, maxHostBytes)
	s.Client = text(p, s.Client, maxMessageBytes)
}

// cleanedRules masks the values of rules. Several rules often match the same value, and a client
// can make masking one take a millisecond: it is done once.
func cleanedRules(p *mask.Policy, rules []Rule) []Rule {
	cleaned := make([]Rule, len(rules))
next:
	for i := range rules {
		r, c := &rules[i], &cleaned[i]
		*c = *r
		c.Message = text(p, p.Message(r.Target, r.Value, r.Around, r.Message), maxMessageBytes)
		c.Severity = clean(r.Severity, maxMethodBytes)
		c.Target, c.Around = target(p, r.Target), ""
		for k := range i {
			if rules[k].Target == r.Target && rules[k].Value == r.Value && rules[k].Around == r.Around {
				c.Value = cleaned[k].Value
				continue next
			}
		}
		c.Value = clean(p.Found(r.Target, r.Value, r.Around), maxValueBytes+len(ellipsis))
	}
	return cleaned
}
