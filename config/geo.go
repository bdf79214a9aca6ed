package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Geo names the databases that say where addresses are. The files are no part of the configuration: they change without
// a reload.
type Geo struct {
	Country string `mapstructure:"country"` // file, relative to the route file or absolute
	ASN     string `mapstructure:"asn"`     // likewise; it may be the same one

	Dir       string // which they are relative to
	Elsewhere bool   // they are where the tier runs, not here
}

// Unknown is the country, or the network, of an address of which no database says it.
const Unknown = "unknown"

// readGeo finds out where the files of databases are. They are read by whoever watches them.
func (l *loader) readGeo() {
	g := l.routes.Geo
	if g == nil {
		if l.doc.has("geo") { // it is empty
			l.add("geo", "needs country or asn")
		}
		return
	}
	doc, _ := l.doc.find("geo")
	g.Dir = filepath.Dir(doc.file)
	_, g.Elsewhere = l.from.(memory) // a database is no text that stands beside a route file in a manifest
	for key, name := range map[string]string{"country": g.Country, "asn": g.ASN} {
		if name != "" && !filepath.IsAbs(name) && !filepath.IsLocal(name) {
			l.add("geo."+key, "%q must be a relative path that stays below the route file's directory, or an absolute one", name)
			g.Elsewhere = true
		}
	}
}

// besideFile has the databases of a route file on the disk looked at. What an absolute path leads to may be there
// only where the tier runs.
func (g *Geo) besideFile() {
	if g == nil {
		return
	}
	g.Elsewhere = false
	for _, name := range []string{g.Country, g.ASN} {
		if _, err := os.Stat(name); filepath.IsAbs(name) && err != nil {
			g.Elsewhere = true
		}
	}
}

// checkCountry accepts the code of a country, or unknown.
func checkCountry(code string) error {
	if code == Unknown || len(code) == 2 && strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" {
		return nil
	}
	return fmt.Errorf("%q is no country: write two capital letters, such as DE, or unknown", code)
}

func checkASN(text string) error {
	_, err := ParseASN(text)
	return err
}

// ParseASN reads the number of a network, such as AS64496, or unknown, which is 0.
func ParseASN(text string) (uint32, error) {
	if text == Unknown {
		return 0, nil
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "AS"), 10, 32)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is no network: write its number, such as AS64496, or unknown", text)
	}
	return uint32(n), nil
}

// checkPlaces checks that there is a database for what conditions ask.
func (c *checker) checkPlaces(path string, w *AccessWhen, geo *Geo) {
	if w == nil {
		return
	}
	if len(w.Countries) > 0 && (geo == nil || geo.Country == "") {
		c.add(path+".countries", "no database says it: name one in geo.country")
	}
	if len(w.ASNs) > 0 && (geo == nil || geo.ASN == "") {
		c.add(path+".asns", "no database says it: name one in geo.asn")
	}
	c.checkPlaces(path+".not", w.Not, geo)
}

// checkKeyPlaces checks that there is a database for what keys of limits are made of.
func (c *checker) checkKeyPlaces(path string, key []KeyPart, geo *Geo) {
	for i := range key {
		switch part := key[i].Part; {
		case part == KeyCountry && (geo == nil || geo.Country == ""):
			c.add(indexPath(path, i)+".part", "no database says it: name one in geo.country")
		case part == KeyASN && (geo == nil || geo.ASN == ""):
			c.add(indexPath(path, i)+".part", "no database says it: name one in geo.asn")
		}
	}
}
