package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// fileKeys end the key paths that name files which are read, beside those that end in "_file".
var fileKeys = []string{
	"routes", "admin_tokens", "admin_peer_token", "hold", "cert", "key", "bundle", "ca", "crl", "client_ca", "client_crl", "peer_ca", "session_ticket_keys",
}

// namedFile is a file, and the key path that names it.
type namedFile struct{ key, path string }

// checkOutputs refuses to write lines into a file that is read, which would destroy it, and two outputs that would write over each
// other.
func (l *bootLoader) checkOutputs() {
	var outputs []namedFile
	for i := range l.boot.Events.Sinks {
		if f := l.boot.Events.Sinks[i].File; f != nil && f.Path != "" {
			outputs = append(outputs, namedFile{indexPath("events.sinks", i) + ".file.path", f.Path})
		}
	}
	if f := l.boot.Records.File; f != nil && f.Path != "" {
		outputs = append(outputs, namedFile{"records.file.path", f.Path})
	}
	inputs := filesIn(reflect.ValueOf(l.boot), "", nil)
	for i, out := range outputs {
		if l.boot.file != "" && sameFile(out.path, l.boot.file) {
			l.add(out.key, "%s is the boot file: lines would be written into it", out.path)
			continue
		}
		for _, in := range inputs {
			if sameFile(out.path, in.path) || in.key == "routes" && routeFileIn(in.path, out.path) {
				l.add(out.key, "%s is read because of %s: lines would be written into it", out.path, l.name(in.key))
				break
			}
		}
		for _, other := range slices.Backward(outputs[:i]) {
			switch {
			case filepath.Clean(other.path) == filepath.Clean(out.path):
				l.add(out.key, "%s is the file of %s too: give each its own", out.path, strings.TrimSuffix(other.key, ".file.path"))
			case sameFile(other.path, out.path):
				l.add(out.key, "%s is the file of %s too, by another name: give each its own", out.path, other.key)
			default:
				continue
			}
			break
		}
	}
}

// filesIn are the files that settings name to be read.
func filesIn(v reflect.Value, path string, found []namedFile) []namedFile {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			found = filesIn(v.Elem(), path, found)
		}
	case reflect.Struct:
		for _, f := range fieldsOf(v.Type()) {
			found = filesIn(v.Field(f.index), joinPath(path, f.key), found)
		}
	case reflect.Slice:
		for i := range v.Len() {
			found = filesIn(v.Index(i), indexPath(path, i), found)
		}
	case reflect.String:
		key, _, _ := strings.Cut(path[strings.LastIndexByte(path, '.')+1:], "[")
		if v.String() != "" && (slices.Contains(fileKeys, key) || strings.HasSuffix(key, "_file")) {
			found = append(found, namedFile{path, v.String()})
		}
	}
	return found
}

// sameFile reports whether two paths lead to one file, by links, too.
func sameFile(a, b string) bool {
	wholeA, errA := filepath.Abs(a)
	wholeB, errB := filepath.Abs(b)
	if errA == nil && errB == nil && wholeA == wholeB {
		return true
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// routeFileIn reports whether a path would be read as one of many route files: of a folder, or of a pattern.
func routeFileIn(routes, path string) bool {
	wholeRoutes, errA := filepath.Abs(routes)
	whole, errB := filepath.Abs(path)
	if errA != nil || errB != nil {
		return false
	}
	if matches, err := filepath.Match(wholeRoutes, whole); err == nil && matches {
		return true
	}
	end := filepath.Ext(whole)
	return filepath.Dir(whole) == wholeRoutes && (end == ".yaml" || end == ".yml")
}
