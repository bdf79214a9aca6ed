package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"github.com/wafer-waf/wafer/suggest"
)

// envPrefix starts the names of all variables that are settings.
const envPrefix = "WAFER_"

// LoadBoot puts the boot settings together: a flag given on fs wins over a WAFER_
// variable of environ (as os.Environ returns it), that over the boot file (--config or
// WAFER_CONFIG), that over DefaultBoot. Problems name the flag, the variable, or file and
// line that has to change. Fs may be nil or lack some flags of BootFlags.
func LoadBoot(fs *pflag.FlagSet, environ []string) (Boot, error) {
	l := &bootLoader{origin: map[string]Problem{}, boot: DefaultBoot()}
	env := l.variables(environ)
	flags := l.flags(fs)

	var layers []map[string]any
	if file := l.configFile(fs, env); file != "" {
		data, err := disk{}.read(file)
		if err != nil {
			return Boot{}, fmt.Errorf("read boot file: %w", err)
		}
		layers = append(layers, l.file(file, data))
		l.boot.file, l.boot.sum = file, sha256.Sum256(data)
	}
	layers = append(layers,
		l.texts(func(s setting) (string, string, bool) {
			text, ok := env[variable(s.path)]
			return variable(s.path), text, ok
		}),
		l.texts(func(s setting) (string, string, bool) {
			text, ok := flags[s.flag]
			return "--" + s.flag, text, ok
		}))
	if err := decode(&l.boot, layers...); err != nil {
		l.problems = append(l.problems, decodeProblems(err, "")...)
	} else if !l.unread {
		l.check()
	}
	if err := l.problems.orNil(); err != nil {
		return Boot{}, err
	}
	l.boot.places = l.origin
	return l.boot, nil
}

// bootLoader is one load of boot settings.
type bootLoader struct {
	boot     Boot
	origin   map[string]Problem // key path → where its value comes from, What empty
	broken   []string           // key paths that are reported already
	unread   bool               // the boot file is none, so that nobody knows what it says
	problems Problems
}

// variable names the environment variable of a key path.
func variable(path string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// serviceVariable matches what Kubernetes puts into each pod for a Service whose name
// starts with "wafer": WAFER_SERVICE_HOST, WAFER_ADMIN_PORT_9090_TCP_ADDR and so on.
var serviceVariable = regexp.MustCompile(`_SERVICE_HOST$|_SERVICE_PORT(_[A-Z0-9_]+)?$|_PORT$|_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$`)

// variables returns the WAFER_ variables and reports those that nobody reads.
func (l *bootLoader) variables(environ []string) map[string]string {
	known := []string{strings.TrimPrefix(configVariable, envPrefix)}
	for _, s := range settings {
		known = append(known, strings.TrimPrefix(variable(s.path), envPrefix))
	}
	env := map[string]string{}
	for _, pair := range environ {
		name, text, _ := strings.Cut(pair, "=")
		rest, ours := strings.CutPrefix(name, envPrefix)
		switch {
		case !ours:
		case slices.Contains(known, rest):
			env[name] = text
		case strings.HasPrefix(rest, "TEST_"),
			serviceVariable.MatchString(name):
		default:
			meant := ""
			if word := suggest.Nearest(rest, known); word != "" {
				meant = "; did you mean " + envPrefix + word + "?"
			}
			l.problems = append(l.problems, Problem{Path: name, What: "unknown" + meant})
		}
	}
	return env
}

// flags returns the texts of the flags that were given.
func (l *bootLoader) flags(fs *pflag.FlagSet) map[string]string {
	given := map[string]string{}
	if fs != nil {
		fs.Visit(func(f *pflag.Flag) { given[f.Name] = f.Value.String() })
	}
	return given
}

func (l *bootLoader) configFile(fs *pflag.FlagSet, env map[string]string) string {
	if file, ok := l.flags(fs)[configFlag]; ok {
		return file
	}
	return env[configVariable]
}

// file returns the values of a boot file.
func (l *bootLoader) file(name string, data []byte) map[string]any {
	doc := readDocument(name, data, reflect.TypeFor[Boot](), nil)
	l.problems = append(l.problems, doc.Problems...)
	l.unread = doc.noYAML
	for path := range doc.broken {
		l.broken = append(l.broken, path)
	}
	for path, line := range doc.lines {
		l.origin[path] = Problem{File: name, Line: line, Path: path}
	}
	return doc.tree
}

// texts returns the values of all settings that are given as text, by flags or variables.
func (l *bootLoader) texts(lookup func(s setting) (name, text string, ok bool)) map[string]any {
	tree := map[string]any{}
	for _, s := range settings {
		name, text, ok := lookup(s)
		if !ok {
			continue
		}
		l.origin[s.path] = Problem{Path: name}
		t := valueAt(reflect.ValueOf(l.boot), s.path).Type()
		value, err := fromText(t, text)
		if err != nil {
			l.problems = append(l.problems, Problem{Path: name, What: err.Error()})
			l.broken = append(l.broken, s.path)
			continue
		}
		setPath(tree, s.path, value)
	}
	return tree
}

// fromText reads a flag or variable into the form that decode wants for type t.
func fromText(t reflect.Type, text string) (any, error) {
	switch {
	case isText(t):
		_, err := parseText(t, text)
		return text, err
	case t.Kind() == reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("want a whole number, got %q", text)
		}
		return n, nil
	case t.Kind() == reflect.Bool:
		if text != "true" && text != "false" {
			return nil, fmt.Errorf("want true or false, got %q", text)
		}
		return text == "true", nil
	case t.Kind() == reflect.Slice:
		list := []any{}
		var wrong []string
		for _, item := range splitList(text) {
			value, err := fromText(t.Elem(), item)
			if err != nil {
				wrong = append(wrong, err.Error())
			}
			list = append(list, value)
		}
		if len(wrong) > 0 {
			return nil, errors.New(strings.Join(wrong, "; "))
		}
		return list, nil
	default:
		return text, nil
	}
}

// setPath sets the value at a key path, making the maps on the way.
func setPath(tree map[string]any, path string, value any) {
	keys := strings.Split(path, ".")
	for _, key := range keys[:len(keys)-1] {
		below, ok := tree[key].(map[string]any)
		if !ok {
			below = map[string]any{}
			tree[key] = below
		}
		tree = below
	}
	tree[keys[len(keys)-1]] = value
}
