package seclang

import (
	"slices"
	"strconv"
	"strings"
)

// harmless are directives that change neither what rules see nor what follows from a
// match.
var harmless = []string{
	"seccomponentsignature", "secrequestbodynofileslimit", "seccollectiontimeout",
	"secdebuglog", "secdebugloglevel", "secauditlog", "secauditlogtype", "secauditlogformat", "secauditlogstoragedir",
	"secauditlogparts", "secauditlogdirmode", "secauditlogfilemode", "secauditlogrelevantstatus", "secdatadir",
	"secuploaddir", "secuploadkeepfiles", "secuploadfilemode", "secuploadfilelimit", "secwebappid",
	"secserversignature", "secsensorid", "secrxprefilter", "secpcrematchlimit", "secpcrematchlimitrecursion",
	"secrequestbodylimitaction", "secresponsebodylimitaction",
	// Coraza parses these and does nothing.
	"secargumentseparator", "seccookieformat", "secruleupdatetargetbymsg", "secrulescript", "secruleperftime",
	"secunicodemap", "sectmpdir",
}

// directive reads one directive.
func (p *parser) directive(l string) error {
	name, args, _ := strings.Cut(l, " ")
	name = strings.ToLower(name)
	if len(args) >= 3 && args[0] == '"' && args[len(args)-1] == '"' {
		args = strings.Trim(args, `"`)
	}
	if p.chain != nil && name != "secrule" && name != "secaction" {
		return p.errorf("%s inside the chain of rule %d", name, p.chain.ID)
	}
	s := &p.program.Settings
	switch name {
	case "include":
		return p.include(args)
	case "secrule":
		return p.rule(args, true)
	case "secaction":
		return p.rule(args, false)
	case "secmarker":
		p.program.Rules = append(p.program.Rules, &Rule{Marker: args, Source: p.source, Line: p.line})
		return nil
	case "secdefaultaction":
		return p.defaultAction(args)
	case "secruleremovebyid":
		return p.removeByID(args)
	case "secruleremovebytag":
		p.remove(func(r *Rule) bool { return slices.Contains(r.Tags, args) })
		return nil
	case "secruleremovebymsg":
		p.remove(func(r *Rule) bool { return r.Msg == args && r.Marker == "" })
		return nil
	case "secruleupdatetargetbyid":
		return p.updateByID(args)
	case "secruleupdatetargetbytag":
		return p.updateByTag(args)
	case "secruleengine":
		s.Engine = args
		return nil
	case "secrequestbodyaccess":
		return p.onOff(args, &s.RequestBody)
	case "secresponsebodyaccess":
		return p.onOff(args, &s.ResponseBody)
	case "secrequestbodylimit", "secrequestbodyinmemorylimit", "secargumentslimit",
		"secrequestbodyjsondepthlimit", "secresponsebodyjsondepthlimit":
		return p.number(args, new(int)) // Wafer reads requests itself, within limits of its own
	case "secresponsebodylimit":
		return p.number(args, &s.ResponseBodyBytes)
	case "secresponsebodymimetype":
		s.ResponseMIMETypes = strings.Split(args, " ")
		return nil
	case "secresponsebodymimetypesclear":
		s.ResponseMIMETypes = nil
		return nil
	case "secauditengine":
		if !strings.EqualFold(args, "off") {
			return p.errorf("audit logs need every transaction")
		}
		return nil
	}
	if slices.Contains(harmless, name) {
		return nil
	}
	return p.errorf("directive %s is not understood", name)
}

func (p *parser) onOff(arg string, to *bool) error {
	switch strings.ToLower(arg) {
	case "on":
		*to = true
	case "off":
		*to = false
	default:
		return p.errorf("%q is neither On nor Off", arg)
	}
	return nil
}

func (p *parser) number(arg string, to *int) error {
	n, err := strconv.Atoi(arg)
	if err != nil {
		return p.errorf("%q is no number", arg)
	}
	*to = n
	return nil
}

func (p *parser) remove(which func(*Rule) bool) {
	p.program.Rules = slices.DeleteFunc(p.program.Rules, which)
}

// idRange reads "942100" or "942100-942199".
func (p *parser) idRange(s string) (from, to int, err error) {
	a, b, ranged := strings.Cut(s, "-")
	if !ranged {
		b = a
	}
	from, err1 := strconv.Atoi(a)
	to, err2 := strconv.Atoi(b)
	if err1 != nil || err2 != nil || from > to || from <= 0 { // markers have the id 0
		return 0, 0, p.errorf("%q is no range of rules", s)
	}
	return from, to, nil
}

func (p *parser) removeByID(args string) error {
	for _, field := range strings.Fields(args) {
		from, to, err := p.idRange(field)
		if err != nil {
			return err
		}
		p.remove(func(r *Rule) bool { return r.ID >= from && r.ID <= to })
	}
	return nil
}

// updateByID adds targets, or takes some out. Coraza ends at the first id that is no
// range, so more than one of them is not understood here.
func (p *parser) updateByID(args string) error {
	fields := strings.Fields(args)
	if len(fields) != 2 {
		return p.errorf("SecRuleUpdateTargetById with other than one range of rules and targets")
	}
	from, to, err := p.idRange(fields[0])
	if err != nil {
		return err
	}
	return p.update(fields[1], func(r *Rule) bool { return r.ID >= from && r.ID <= to })
}

func (p *parser) updateByTag(args string) error {
	fields := strings.Fields(args)
	if len(fields) != 2 {
		return p.errorf("SecRuleUpdateTargetByTag with other than a tag and targets")
	}
	tag := strings.Trim(fields[0], `"`)
	return p.update(fields[1], func(r *Rule) bool { return slices.Contains(r.Tags, tag) })
}

func (p *parser) update(targets string, which func(*Rule) bool) error {
	targets = strings.Trim(targets, `"`)
	for _, r := range p.program.Rules {
		if r.Marker != "" || !which(r) {
			continue
		}
		var err error
		if r.Links[0].Targets, err = parseTargets(r.Links[0].Targets, targets); err != nil {
			return p.errorf("%v", err)
		}
	}
	return nil
}
