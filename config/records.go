package config

import (
	"maps"
	"net/netip"
	"reflect"
)

// Recording is an effective entry of records: which transactions of a route are recorded, and how much of each. What it
// inherits and every default are filled in.
type Recording struct {
	ID         string          `mapstructure:"id"`
	Inherits   string          `mapstructure:"inherits"`
	Sample     Share           `mapstructure:"sample"` // of all requests
	When       RecordingWhen   `mapstructure:"when"`   // beside those
	Parts      []string        `mapstructure:"parts" enum:"request_headers request_body request_body_without_files files response_headers response_body outcome rules B C I J F E H K"`
	Unreadable Unreadable      `mapstructure:"unreadable"` // bodies that are no text: leave_out or keep
	Limits     RecordingLimits `mapstructure:"limits"`

	// Sources maps each key path, all but id and inherits, to the id of the entry that sets it, or to "default".
	Sources map[string]string `mapstructure:"-"`
}

// RecordingWhen is what has a transaction recorded. One that holds is enough.
type RecordingWhen struct {
	Verdicts  []string      `mapstructure:"verdicts" enum:"pass block redirect drop would_block error_deny error_allow refused"`
	ScoreFrom int           `mapstructure:"score_from"` // of the request or of the response; 0: it does not matter
	Statuses  []StatusRange `mapstructure:"statuses"`
	Clients   []string      `mapstructure:"clients"` // networks or addresses
	Headers   []HeaderMatch `mapstructure:"headers"` // of requests
}

// RecordingLimits bound what is recorded.
type RecordingLimits struct {
	RequestBody  Size `mapstructure:"request_body"`
	ResponseBody Size `mapstructure:"response_body"`
	Record       Size `mapstructure:"record"`     // heads and bodies together
	PerSecond    Size `mapstructure:"per_second"` // of all records of the entry; 0: no limit
}

// Unreadable says what happens to bodies in which masking finds nothing, since they are no text.
type Unreadable string

// What can.
const (
	UnreadableLeaveOut Unreadable = "leave_out"
	UnreadableKeep     Unreadable = "keep"
)

// DefaultRecordingID is the entry of a route that names none, if there is one of that id.
const DefaultRecordingID = "default"

// Bounds of what one record may have.
const (
	maxRecordedBody = 4 * MiB
	maxRecord       = 16 * MiB
)

// DefaultRecording returns what every entry without "inherits" starts from. It records nothing.
func DefaultRecording() Recording {
	r := Recording{
		ID:         DefaultRecordingID,
		Parts:      []string{"request_headers", "request_body", "response_headers", "response_body", "outcome", "rules"},
		Unreadable: UnreadableLeaveOut,
		Limits:     RecordingLimits{RequestBody: 64 * KiB, ResponseBody: 64 * KiB, Record: 256 * KiB, PerSecond: 1 * MiB},
		Sources:    map[string]string{},
	}
	for _, path := range recordingSettings() {
		r.Sources[path] = DefaultRecordingID
	}
	return r
}

// recordingSettings are the key paths that Recording.Sources knows.
func recordingSettings() []string { return inheritable[Recording]() }

// Values lists all settings of an effective entry in the order of the documentation.
func (r *Recording) Values() []Value {
	var out []Value
	for _, path := range recordingSettings() {
		out = append(out, Value{Path: path, Value: valueAt(reflect.ValueOf(*r), path).Interface(), Source: r.Sources[path]})
	}
	return out
}

// Networks are the clients, as networks.
func (w *RecordingWhen) Networks() (networks []netip.Prefix) {
	for _, text := range w.Clients {
		if addr, err := netip.ParseAddr(text); err == nil {
			networks = append(networks, netip.PrefixFrom(addr, addr.BitLen()))
		} else if network, err := netip.ParsePrefix(text); err == nil {
			networks = append(networks, network)
		}
	}
	return networks
}

// resolveRecords replaces the entries, as decoded, by effective ones.
func (l *loader) resolveRecords(tree map[string]any) {
	h := &heirs[Recording]{
		loader: l, list: "records", one: "entry of records", many: "entries", own: l.ownRecording,
		builtIn: func() *Recording { return new(DefaultRecording()) },
	}
	for i := range l.routes.Records {
		h.items = append(h.items, heir[Recording]{id: l.routes.Records[i].ID, inherits: l.routes.Records[i].Inherits})
	}
	effective := make([]Recording, 0, len(h.items))
	for _, r := range h.resolve(tree["records"]) {
		effective = append(effective, *r)
		effective[len(effective)-1].Sources = maps.Clone(r.Sources)
	}
	l.routes.Records = effective
}

// ownRecording writes the settings of an entry over those that it inherits.
func (l *loader) ownRecording(path string, tree map[string]any, inherited *Recording) *Recording {
	own := *inherited
	own.ID, own.Inherits = "", ""
	own.Sources = maps.Clone(own.Sources)
	has := func(key string) bool { return l.doc.has(path + "." + key) }
	if err := decode(&own, tree); err != nil {
		l.addAll(decodeProblems(err, path))
	}
	for _, key := range recordingSettings() {
		if has(key) {
			own.Sources[key] = own.ID
		}
	}
	l.checkRecording(path, &own, has)
	return &own
}

// checkRecording checks everything but ids and inheritance. What is inherited was checked where it stands.
func (c *checker) checkRecording(path string, r *Recording, has func(key string) bool) {
	for i, part := range r.Parts {
		if has("parts") {
			oneOf(c, indexPath(path+".parts", i), part, allowed[Recording]("parts"))
		}
	}
	word(c, path+".unreadable", r.Unreadable)
	w, when := &r.When, path+".when"
	if has("when.verdicts") {
		for i, verdict := range w.Verdicts {
			oneOf(c, indexPath(when+".verdicts", i), verdict, allowed[RecordingWhen]("verdicts"))
		}
	}
	if has("when.score_from") {
		c.atLeast(when+".score_from", w.ScoreFrom, 0)
	}
	if has("when.clients") {
		c.each(when+".clients", w.Clients, func(text string) error {
			if _, err := netip.ParseAddr(text); err == nil {
				return nil
			}
			_, err := parseNetwork(text)
			return err
		})
	}
	if has("when.headers") {
		for i, h := range w.Headers {
			c.checkHeaderMatch(indexPath(when+".headers", i), h)
		}
	}
	for _, limit := range []struct {
		key         string
		value, most Size
	}{
		{"request_body", r.Limits.RequestBody, maxRecordedBody}, {"response_body", r.Limits.ResponseBody, maxRecordedBody},
		{"record", r.Limits.Record, maxRecord}, {"per_second", r.Limits.PerSecond, 1 * GiB},
	} {
		if has("limits."+limit.key) && (limit.value < 0 || limit.value > limit.most) {
			c.add(path+".limits."+limit.key, "%s is out of range: 0 to %s", limit.value, limit.most)
		}
	}
	if has("limits.record") && r.Limits.Record < 1*KiB {
		c.add(path+".limits.record", "%s is too small: at least %s", r.Limits.Record, 1*KiB)
	}
	broken := c.doc != nil && (c.doc.isBroken(path+".sample") || c.doc.isBroken(path+".inherits"))
	if !broken && r.Sample == 0 && len(w.Verdicts)+len(w.Statuses)+len(w.Clients)+len(w.Headers)+w.ScoreFrom == 0 {
		c.add(path, "records nothing: give it sample, or something in when")
	}
}
