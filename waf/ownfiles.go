package waf

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/kaptinlin/jsonschema"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// This file is about files that operators of own rules read. A text comes with what is in them; rules
// are compiled from text in which a file is named after its content, so that the digest of that text is one of
// the files as well, and nothing that is compiled is about a name on somebody's disk.

// ownFolder is where the file system that policies are compiled from has such files.
const ownFolder = "@own"

// fileOperators are those whose argument names a file, in lower case.
var fileOperators = map[string]bool{
	"pmfromfile": true, "pmf": true, "ipmatchfromfile": true, "ipmatchf": true, "validateschema": true,
}

var fileOperator = regexp.MustCompile(`(?i)(@(?:pmFromFile|pmf|ipMatchFromFile|ipMatchF|validateSchema)[ \t]+)([^"]*[^"\s])`)

// named returns the text as it is compiled: with its files named after their content, and with what it says of
// collections said of TX.
func (r RuleText) named() string {
	text := compiledText(r.Text)
	if len(r.Files) == 0 {
		return text
	}
	return fileOperator.ReplaceAllStringFunc(text, func(s string) string {
		m := fileOperator.FindStringSubmatch(s)
		if content, ok := r.Files[path.Clean(m[2])]; ok {
			return m[1] + ownName(m[2], content)
		}
		return s
	})
}

// ownName is the name of a file by what is in it. What it ends in may say of what kind it is.
func ownName(name, content string) string {
	sum := sha256.Sum256([]byte(content))
	return ownFolder + "/" + hex.EncodeToString(sum[:]) + strings.ToLower(path.Ext(name))
}

// ownFiles are the files of the policies that are being compiled. It is safe for concurrent use.
type ownFiles struct {
	mu    sync.Mutex
	texts map[string]string
	users map[string]int
}

// hold keeps a policy's files until release.
func (f *ownFiles) hold(p Policy) (release func()) {
	var names []string
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.texts == nil {
		f.texts, f.users = map[string]string{}, map[string]int{}
	}
	for _, r := range p.own() {
		for name, content := range r.Files {
			own := ownName(name, content)
			f.texts[own] = content
			f.users[own]++
			names = append(names, own)
		}
	}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, own := range names {
			if f.users[own]--; f.users[own] == 0 {
				delete(f.users, own)
				delete(f.texts, own)
			}
		}
	}
}

// files are those of CRS and own ones.
type files struct {
	crs
	own *ownFiles
}

// Open implements [fs.FS].
func (f files) Open(name string) (fs.File, error) {
	if !strings.HasPrefix(name, ownFolder+"/") {
		return f.crs.Open(name)
	}
	f.own.mu.Lock()
	defer f.own.mu.Unlock()
	text, ok := f.own.texts[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &ownFile{bytes.NewReader([]byte(text)), name}, nil
}

// ownFile is an open own file.
type ownFile struct {
	*bytes.Reader
	name string
}

func (f *ownFile) Close() error               { return nil }
func (f *ownFile) Stat() (fs.FileInfo, error) { return ownInfo{f.name, f.Reader.Size()}, nil }

type ownInfo struct {
	name string
	size int64
}

func (i ownInfo) Name() string       { return path.Base(i.name) }
func (i ownInfo) Size() int64        { return i.size }
func (i ownInfo) Mode() fs.FileMode  { return 0o444 }
func (i ownInfo) ModTime() time.Time { return time.Time{} }
func (i ownInfo) IsDir() bool        { return false }
func (i ownInfo) Sys() any           { return nil }

// checkFiles finds files that are not there, and in those that are what the operators would pass over.
func (p Policy) checkFiles() (ms Mistakes) {
	for _, r := range p.own() {
		checked := map[string]bool{}
		for _, d := range seclang.Directives(r.Text) {
			operator, name := d.Operator.Name, path.Clean(d.Operator.Arg)
			if !fileOperators[operator] || strings.HasPrefix(name, crsFolder+"/") {
				continue
			}
			content, ok := r.Files[name]
			switch {
			case !ok:
				ms.add(r.Source, d.Line, "@%s: there is no file %q beside the route file", operator, d.Operator.Arg)
			case !checked[operator+" "+name]:
				checked[operator+" "+name] = true
				for _, m := range checkFile(operator, content) {
					m.Source, m.File = r.Source, name
					ms = append(ms, m)
				}
			}
		}
	}
	return ms
}

// checkFile finds what is wrong with a file that an operator reads.
func checkFile(operator, content string) (ms Mistakes) {
	if operator == "validateschema" {
		if _, err := compileSchema(content); err != nil {
			ms.add("", 0, "%v", err)
		}
		return ms
	}
	items := 0
	for i, line := range strings.Split(content, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		items++
		if operator != "ipmatchfromfile" && operator != "ipmatchf" {
			if len(line) >= 64<<10 {
				ms.add("", i+1, "%d bytes, more than 65535", len(line))
			}
		} else if _, err := parseNetwork(line); err != nil {
			ms.add("", i+1, "%q is no address or network: write one in each line, like 192.0.2.1 or 10.0.0.0/8", line)
		}
	}
	if items == 0 {
		ms.add("", 0, "holds nothing to compare with")
	}
	return ms
}

// parseNetwork reads an address or a network. IPv4 in IPv6 is IPv4.
func parseNetwork(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err == nil && a.Zone() != "" {
			err = fmt.Errorf("%s has a zone", s)
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), err
	}
	n, err := netip.ParsePrefix(s)
	return n.Masked(), err
}

// networks are networks by the length of their prefixes.
type networks struct {
	lengths []int
	members map[netip.Prefix]bool
}

// newAddressFile is @ipMatchFromFile: an address or a network a line.
func newAddressFile(o options) (plugintypes.Operator, error) {
	text, err := readFile(o)
	if err != nil {
		return nil, err
	}
	all := networks{members: map[netip.Prefix]bool{}}
	seen := map[int]bool{}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		n, err := parseNetwork(line)
		if err != nil {
			return nil, fmt.Errorf("%q is no address or network", line)
		}
		all.members[n] = true
		if !seen[n.Bits()] {
			seen[n.Bits()] = true
			all.lengths = append(all.lengths, n.Bits())
		}
	}
	return operator(func(tx state, value string) bool {
		spend(tx, cheap*len(value)+dearest*len(all.lengths))
		return all.contain(value)
	}), nil
}

func (n *networks) contain(value string) bool {
	a, err := netip.ParseAddr(value)
	if err != nil || a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	for _, bits := range n.lengths {
		if p, err := a.Prefix(bits); err == nil && n.members[p] {
			return true
		}
	}
	return false
}

// schemaBody is the variable of TX in which @validateSchema gets a body of JSON, of which rules see the values
// only: REQUEST_BODY is empty then.
const schemaBody = "json_request_body"

// ownOperator reports whether an own rule has an operator, which is in lower case.
func (p Policy) ownOperator(name string) bool {
	return slices.ContainsFunc(p.own(), func(r RuleText) bool {
		return slices.ContainsFunc(seclang.Directives(r.Text), func(d seclang.Directive) bool { return d.Operator.Name == name })
	})
}

// newSchemaFile is @validateSchema, which finds values that are no JSON of a schema.
func newSchemaFile(o options) (plugintypes.Operator, error) {
	text, err := readFile(o)
	if err != nil {
		return nil, err
	}
	schema, err := compileSchema(string(text))
	if err != nil {
		return nil, err
	}
	return operator(func(tx state, value string) bool {
		if body := tx.Variables().TX().Get(schemaBody); value == "" && len(body) > 0 {
			value = body[0]
		}
		spend(tx, dearest*len(value))
		var v any
		return value != "" && (json.Unmarshal([]byte(value), &v) != nil || !schema.Validate(v).IsValid())
	}), nil
}

// compileSchema compiles a JSON Schema. It loads nothing that the schema refers to.
func compileSchema(text string) (*jsonschema.Schema, error) {
	if !json.Valid([]byte(text)) {
		return nil, fmt.Errorf("is not JSON, as a JSON Schema has to be")
	}
	c := jsonschema.NewCompiler()
	clear(c.Loaders)
	schema, err := c.Compile([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("is no JSON Schema: %w", err)
	}
	if missing := schema.GetUnresolvedReferenceURIs(); len(missing) > 0 {
		return nil, fmt.Errorf("refers to %s, which is not in it", strings.Join(missing, " and to "))
	}
	return schema, nil
}
