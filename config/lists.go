package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// List is a set of addresses and networks that conditions name: written here, in a file or at a URL. Files and what is at URLs
// are no part of the configuration: they change without a reload.
type List struct {
	ID      string      `mapstructure:"id"`
	Entries []ListEntry `mapstructure:"entries" one:"it"`
	File    string      `mapstructure:"file" one:"it"` // relative to the route file or absolute
	URL     string      `mapstructure:"url" one:"it"`

	Format ListFormat `mapstructure:"format"` // plain, csv, json or ipset
	Column string     `mapstructure:"column"` // of csv: its number or its name
	Fields []string   `mapstructure:"fields"` // of json: where addresses are; none: the top is a list of them
	Until  string     `mapstructure:"until"`  // of csv and json: the column or member that says when an entry ends
	Set    string     `mapstructure:"set"`    // of ipset: which one

	Every        time.Duration `mapstructure:"every"` // between two looks at a URL
	Timeout      time.Duration `mapstructure:"timeout"`
	StaleAfter   time.Duration `mapstructure:"stale_after"`
	Start        ListStart     `mapstructure:"start"` // what a start without anything good means
	MaxSize      Size          `mapstructure:"max_size"`
	MaxEntries   int           `mapstructure:"max_entries"`
	MinEntries   int           `mapstructure:"min_entries"`
	MaxShrink    Percent       `mapstructure:"max_shrink"`
	MaxBad       Percent       `mapstructure:"max_bad"`
	ShortestIPv4 int           `mapstructure:"shortest_ipv4"` // prefix length that is taken
	ShortestIPv6 int           `mapstructure:"shortest_ipv6"`

	CA        []string       `mapstructure:"ca"` // files; none: the authorities of the system
	Headers   []HeaderField  `mapstructure:"headers"`
	SHA256    string         `mapstructure:"sha256"`
	Signature *ListSignature `mapstructure:"signature"`

	Dir       string // which File is relative to
	Content   []byte // of the file, where files are in memory; nil: it is on the disk
	CAText    []byte // what the files hold
	Elsewhere bool   // the files are where the tier runs, not here
}

// ListEntry is an address or a network of a list.
type ListEntry struct {
	Address string `mapstructure:"address" plain:"yes"`
	Until   Moment `mapstructure:"until"` // zero: for ever
	Reason  string `mapstructure:"reason"`
}

// ListSignature says who has to have signed a list.
type ListSignature struct {
	Key string `mapstructure:"key" plain:"yes"` // of minisign, or of Ed25519, in Base64
	URL string `mapstructure:"url"`             // of the signature; empty: that of the list and .minisig
}

// ListFormat is how a list is written.
type ListFormat string

// How it can be.
const (
	ListPlain ListFormat = "plain"
	ListCSV   ListFormat = "csv"
	ListJSON  ListFormat = "json"
	ListIPSet ListFormat = "ipset"
)

// ListStart says what a start means at which a list is nowhere.
type ListStart string

// What it can mean.
const (
	StartRefuse ListStart = "refuse" // the configuration is refused
	StartEmpty  ListStart = "empty"  // the list is empty until it is there
)

// DefaultList returns what a list at a URL is before the file says anything about it.
func DefaultList() List {
	return List{
		Format: ListPlain, Every: time.Hour, Timeout: 30 * time.Second, StaleAfter: 3 * time.Hour, Start: StartRefuse,
		MaxSize: 32 * MiB, MaxEntries: 2_000_000, MinEntries: 1, MaxShrink: 50, MaxBad: 1, ShortestIPv4: 8, ShortestIPv6: 16,
	}
}

// ownList is DefaultList of a file. It is the operator's own: nothing of it is left out in silence, and it may say what
// a stranger may not.
func ownList() List {
	d := DefaultList()
	d.MinEntries, d.MaxShrink, d.MaxBad, d.ShortestIPv4, d.ShortestIPv6 = 0, 100, 0, 0, 0
	d.StaleAfter = 15 * time.Minute
	return d
}

func fillList(l *List, has func(key string) bool) {
	d := DefaultList()
	if l.URL == "" {
		d = ownList()
	}
	fill(&l.Format, d.Format, has("format"))
	fill(&l.Every, d.Every, has("every"))
	fill(&l.Timeout, d.Timeout, has("timeout"))
	if l.URL != "" && has("every") {
		d.StaleAfter = 3 * l.Every
	}
	fill(&l.StaleAfter, d.StaleAfter, has("stale_after"))
	fill(&l.Start, d.Start, has("start"))
	fill(&l.MaxSize, d.MaxSize, has("max_size"))
	fill(&l.MaxEntries, d.MaxEntries, has("max_entries"))
	fill(&l.MinEntries, d.MinEntries, has("min_entries"))
	fill(&l.MaxShrink, d.MaxShrink, has("max_shrink"))
	fill(&l.MaxBad, d.MaxBad, has("max_bad"))
	fill(&l.ShortestIPv4, d.ShortestIPv4, has("shortest_ipv4"))
	fill(&l.ShortestIPv6, d.ShortestIPv6, has("shortest_ipv6"))
}

// readListFiles finds the files of lists. What is on the disk is read by whoever watches it.
func (l *loader) readListFiles() {
	for i := range l.routes.Lists {
		list, at := &l.routes.Lists[i], indexPath("lists", i)
		doc, _ := l.doc.find(at)
		list.Dir = filepath.Dir(doc.file)
		if list.File != "" {
			l.listFile(at+".file", list)
		}
		for j, name := range list.CA {
			text, err := l.mounted(list.Dir, name, &list.Elsewhere)
			l.addErr(indexPath(at+".ca", j), err)
			list.CAText = append(append(list.CAText, text...), '\n')
		}
	}
}

func (l *loader) listFile(at string, list *List) {
	if !filepath.IsAbs(list.File) && !filepath.IsLocal(list.File) {
		l.add(at, "%q must be a relative path that stays below the route file's directory, or an absolute one", list.File)
		list.Elsewhere = true // nothing more to say about it
		return
	}
	from, checking := l.from.(memory)
	if !checking {
		return
	}
	var err error
	if filepath.IsAbs(list.File) {
		list.Content, err = disk{}.read(list.File)
		list.Elsewhere, err = err != nil, nil
	} else {
		list.Content, err = from.below(list.Dir, filepath.Clean(list.File))
	}
	if err != nil {
		l.add(at, "%s", unread(list.File, err))
		list.Elsewhere = true
	}
}

// mounted reads a file that stands relative to the route file or, as what is mounted does, anywhere. No bundle keeps it.
func (l *loader) mounted(dir, name string, elsewhere *bool) (string, error) {
	if !filepath.IsAbs(name) {
		return l.secret(dir, name)
	}
	if _, checking := l.from.(memory); checking {
		data, err := disk{}.read(name)
		*elsewhere = *elsewhere || err != nil
		return string(data), nil
	}
	return l.secret(string(filepath.Separator), name[1:])
}

const (
	mostEntries = 20_000_000
	largestList = 1 * GiB
)

func (c *checker) checkList(path string, l *List) {
	entries := ""
	if c.says(path+".entries") || len(l.Entries) > 0 {
		entries = "set"
	}
	if !c.exactlyOne(path, "entries", entries, "file", l.File, "url", l.URL) {
		return
	}
	if looksLikeAddress(l.ID) {
		c.add(path+".id", "%q looks like an address: choose another name", l.ID)
	}
	for i := range l.Entries {
		c.checkListEntry(indexPath(path+".entries", i), &l.Entries[i])
	}
	c.checkListUse(path, l)
	word(c, path+".format", l.Format)
	word(c, path+".start", l.Start)
	c.sizeBetween(path+".max_size", l.MaxSize, 1, largestList)
	c.between(path+".max_entries", l.MaxEntries, 1, mostEntries)
	c.between(path+".min_entries", l.MinEntries, 0, mostEntries)
	c.percent(path+".max_shrink", l.MaxShrink)
	c.percent(path+".max_bad", l.MaxBad)
	c.between(path+".shortest_ipv4", l.ShortestIPv4, 0, 32)
	c.between(path+".shortest_ipv6", l.ShortestIPv6, 0, 128)
	if l.URL != "" {
		c.checkListURL(path, l)
	}
}

// checkListUse finds settings that the list has no use for.
func (c *checker) checkListUse(path string, l *List) {
	idle := func(condition bool, what string, keys ...string) {
		for _, key := range keys {
			if condition && c.says(path+"."+key) {
				c.add(path+"."+key, "has no effect without %s: remove it", what)
			}
		}
	}
	written := l.File != "" || l.URL != ""
	idle(!written, "file or url", "format", "stale_after", "start", "max_size", "max_entries", "min_entries", "max_shrink", "max_bad", "shortest_ipv4", "shortest_ipv6")
	idle(l.URL == "", "url", "every", "timeout", "ca", "headers", "sha256", "signature")
	idle(l.Format != ListCSV, "format: csv", "column")
	idle(l.Format != ListJSON, "format: json", "fields")
	idle(l.Format != ListCSV && l.Format != ListJSON, "format: csv or json", "until")
	idle(l.Format != ListIPSet, "format: ipset", "set")
	for i, f := range l.Fields {
		if f == "" || strings.HasPrefix(f, ".") || strings.HasSuffix(f, ".") || strings.Contains(f, "..") {
			c.add(indexPath(path+".fields", i), "%q does not lead anywhere: write names with dots between them, such as prefixes.ip_prefix", f)
		}
	}
}

func (c *checker) checkListEntry(path string, e *ListEntry) {
	switch addr, err := netip.ParseAddr(e.Address); {
	case e.Address == "":
		c.add(path+".address", "required")
	case err == nil && addr.Zone() != "":
		c.add(path+".address", "%q has a zone, which means something on one machine only", e.Address)
	case err != nil && !strings.Contains(e.Address, "/"):
		c.add(path+".address", "%q is no address and no network", e.Address)
	case err != nil:
		_, err := parseNetwork(e.Address)
		c.addErr(path+".address", err)
	}
}

func (c *checker) checkListURL(path string, l *List) {
	c.addErr(path+".url", checkListURL(l.URL, l.Signature != nil || l.SHA256 != ""))
	const shortest, longest = 10 * time.Second, 30 * 24 * time.Hour
	if l.Every < shortest || l.Every > longest {
		c.add(path+".every", "%s is out of range: %s to %s", l.Every, shortest, longest)
	}
	c.longer(path+".timeout", l.Timeout)
	if l.StaleAfter < l.Every {
		c.add(path+".stale_after", "%s is shorter than every, %s", l.StaleAfter, l.Every)
	}
	for i, h := range l.Headers {
		c.addErr(indexPath(path+".headers", i)+".name", checkHeaderName(h.Name))
		c.addErr(indexPath(path+".headers", i)+".value", checkHeaderValue(h.Value))
	}
	if l.SHA256 != "" && (len(l.SHA256) != 64 || strings.Trim(strings.ToLower(l.SHA256), "0123456789abcdef") != "") {
		c.add(path+".sha256", "%q is not 64 hexadecimal digits", l.SHA256)
	}
	if s := l.Signature; s != nil {
		if s.Key == "" {
			c.add(path+".signature.key", "required")
		}
		if s.URL != "" {
			c.addErr(path+".signature.url", checkListURL(s.URL, true))
		}
	}
}

// checkListURL accepts an https URL, and an http one if what comes is verified.
func checkListURL(text string, verified bool) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("not a URL")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return errors.New("not an https URL")
	case u.Fragment != "":
		return errors.New("a fragment (#) is never sent: remove it")
	case u.User != nil:
		return errors.New("a name and a password stand in headers: {name: Authorization, value: …}")
	case u.Scheme == "http" && !verified:
		return errors.New("by http anybody between can change the list: write https, or give its sha256, or the signature of who has signed it")
	}
	return checkURLPort(u)
}

// Moment is a point in time.
type Moment struct{ time.Time }

func (m Moment) String() string {
	if m.IsZero() {
		return ""
	}
	return m.Format(time.RFC3339)
}

// parseMoment reads a day, which begins in UTC, or a second (RFC 3339).
func parseMoment(text string) (Moment, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return Moment{t}, nil
		}
	}
	return Moment{}, fmt.Errorf("%q is no moment: write it like 2027-01-31 or 2027-01-31T12:00:00Z", text)
}
