package kept

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Act is an action of a rule that does something to a collection.
type Act struct {
	Do   Deed
	Kind Kind
	Name string // of the variable, in lower case
	// Text is the name of the collection to begin, or the value to assign: with places to be filled in
	// while a request runs. Of time it is how many seconds, likewise.
	Text   string
	Amount int64         // to deprecate by
	Period time.Duration // in this time
}

// Deed is what an act does.
type Deed uint8

// The deeds.
const (
	Begin     Deed = iota // initcol, setsid, setuid, setrsc
	Assign                // setvar:ip.name=…
	Unset                 // setvar:!ip.name
	Expire                // expirevar
	Deprecate             // deprecatevar
)

// Assignment is the name that a setvar has, in the text that rules are compiled from, if it is about a
// collection: Coraza's own knows TX alone.
const Assignment = "keepvar"

// Prefix is what the names of all variables of collections begin with where they stand in TX, which is
// how rules are compiled: IP:attempts is TX:wafer.ip.attempts.
const Prefix = "wafer."

// InTX is the name in TX of a variable.
func InTX(k Kind, name string) string { return Prefix + names[k] + "." + strings.ToLower(name) }

// FromTX takes the name in TX of a variable apart, which is in lower case.
func FromTX(key string) (k Kind, name string, ok bool) {
	rest, ok := strings.CutPrefix(key, Prefix)
	if !ok {
		return 0, "", false
	}
	kind, name, _ := strings.Cut(rest, ".")
	k, ok = KindOf(kind)
	return k, name, ok
}

// IsAct reports whether an action, by its name in lower case, is one that [ParseAct] reads.
func IsAct(action string) bool {
	switch action {
	case "initcol", "setsid", "setuid", "setrsc", "expirevar", "deprecatevar", Assignment:
		return true
	}
	return false
}

// ParseAct reads an action, whose name is in lower case, and whose argument has no quotes around it.
func ParseAct(action, arg string) (Act, error) {
	switch action {
	case "setsid":
		return begin(Session, arg)
	case "setuid":
		return begin(User, arg)
	case "setrsc":
		return begin(Resource, arg)
	case "initcol":
		kind, name, ok := strings.Cut(arg, "=")
		k, known := KindOf(strings.ToLower(strings.TrimSpace(kind)))
		if !ok || !known {
			return Act{}, fmt.Errorf("%q does not say which collection and under which name: write ip=%%{REMOTE_ADDR}, or global, resource, session or user", arg)
		}
		return begin(k, name)
	}
	removed := action == Assignment && strings.HasPrefix(arg, "!")
	target, value, assigned := strings.Cut(strings.TrimPrefix(arg, "!"), "=")
	kind, name, _ := strings.Cut(target, ".")
	k, known := KindOf(strings.ToLower(strings.TrimSpace(kind)))
	if !known {
		return Act{}, fmt.Errorf("%q is not about a variable of ip, global, resource, session or user", arg)
	}
	a := Act{Kind: k, Name: strings.ToLower(strings.TrimSpace(name)), Text: value}
	if err := CheckName(a.Name); err != nil {
		return Act{}, err
	}
	if _, builtin := builtins[a.Name]; builtin && !(a.Name == timeout && action == Assignment && !removed) {
		return Act{}, fmt.Errorf("%s is what the tier says of a collection: it cannot be changed", strings.ToUpper(a.Name))
	}
	switch {
	case removed:
		a.Do = Unset
		return a, nil
	case !assigned:
		return Act{}, fmt.Errorf("%q has no value: write %s.%s=…", arg, k, a.Name)
	case action == Assignment:
		a.Do = Assign
		return a, nil
	case action == "expirevar":
		a.Do = Expire
		if n, err := strconv.Atoi(value); !strings.Contains(value, "%{") && (err != nil || n < 1) {
			return Act{}, fmt.Errorf("%q is no number of seconds", value)
		}
		return a, nil
	}
	return deprecation(a, value)
}

// Check says what is wrong with an action as it is written, a setvar among them.
func Check(action, arg string) error {
	if action == "setvar" {
		action = Assignment
	}
	_, err := ParseAct(action, arg)
	return err
}

func begin(k Kind, name string) (Act, error) {
	if name == "" {
		return Act{}, fmt.Errorf("there is no name for the collection: write %s=%%{…}, something that tells one from another", k)
	}
	return Act{Do: Begin, Kind: k, Text: name}, nil
}

// deprecation reads "60/300": 60 less in 300 seconds.
func deprecation(a Act, value string) (Act, error) {
	amount, period, _ := strings.Cut(value, "/")
	n, err1 := strconv.ParseInt(amount, 10, 32)
	s, err2 := strconv.ParseInt(period, 10, 32)
	if err1 != nil || err2 != nil || n < 1 || s < 1 {
		return Act{}, fmt.Errorf("%q does not say how much less in how many seconds: write 60/300", value)
	}
	a.Do, a.Amount, a.Period = Deprecate, n, time.Duration(s)*time.Second
	return a, nil
}

// CheckName says what is wrong with the name of a variable, in lower case.
func CheckName(name string) error {
	if name == "" || len(name) > MaxName {
		return fmt.Errorf("the name of a variable has 1 to %d bytes, which %q has not", MaxName, name)
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_', c == '-', c == '.':
		default:
			return fmt.Errorf("%q is no name of a variable: letters, digits, _, - and . are, and nothing that a request decides", name)
		}
	}
	return nil
}
