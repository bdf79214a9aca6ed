package metrics

import (
	"bufio"
	"errors"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// Registry has all metrics of a process, and shows them. Those of routes it writes by itself: of a thousand routes they are sixty
// thousand lines, which the client library would sort, check and escape for several times as long as it takes to write them.
type Registry struct {
	*prometheus.Registry // of all but those of routes

	routes    *prometheus.Registry
	families  []family // in routes
	gathering *gathering
}

// family is a metric of routes.
type family struct {
	name, help, kind string
	collector        prometheus.Collector
}

// NewRegistry returns an empty one.
func NewRegistry() *Registry {
	return &Registry{Registry: prometheus.NewRegistry(), routes: prometheus.NewRegistry(), gathering: newGathering()}
}

// ofRoutes registers a metric of routes. Whoever only tries requests has another registry.
func ofRoutes(reg prometheus.Registerer, f family) {
	r, ok := reg.(*Registry)
	if !ok {
		reg.MustRegister(f.collector)
		return
	}
	r.routes.MustRegister(f.collector)
	r.families = append(r.families, f)
}

// Gather implements [prometheus.Gatherer].
func (r *Registry) Gather() ([]*dto.MetricFamily, error) {
	return prometheus.Gatherers{r.Registry, r.routes}.Gather()
}

// ServeHTTP shows the metrics to a Prometheus: as OpenMetrics, which has exemplars, to one that asks for it. An error of one of
// them costs its own series, and is told to failed.
func (r *Registry) ServeHTTP(w http.ResponseWriter, request *http.Request, failed func(error)) {
	format := expfmt.NegotiateAccept(request.Header, expfmt.FmtOpenMetrics_1_0_0, expfmt.FmtOpenMetrics_0_0_1, expfmt.FmtText)
	in := form{open: format.FormatType() == expfmt.TypeOpenMetrics, zipped: acceptsGzip(request.Header)}
	all, err := r.gathering.text(request.Context(), in, func(to *text) {
		if err := r.writeIn(in, to); err != nil {
			failed(err)
		}
	})
	if err != nil { // whoever asked has left
		return
	}
	defer r.gathering.done(all)
	h := w.Header()
	h.Add("Vary", "Accept")
	h.Add("Vary", "Accept-Encoding")
	h.Set("Content-Type", string(format)) // of versions and ways to escape, which make no difference to these names
	h.Set("Content-Length", strconv.Itoa(len(all.all)))
	if in.zipped {
		h.Set("Content-Encoding", "gzip")
	}
	all.send(w)
}

// writeIn writes all metrics in a form.
func (r *Registry) writeIn(f form, to io.Writer) error {
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	if f.open {
		format = expfmt.NewFormat(expfmt.TypeOpenMetrics)
	}
	if !f.zipped {
		return r.write(to, format, f.open)
	}
	zipped, _ := gzip.NewWriterLevel(to, gzip.BestSpeed) // which is a level
	return errors.Join(r.write(zipped, format, f.open), zipped.Close())
}

// acceptsGzip reports whether an answer may be compressed.
func acceptsGzip(h http.Header) bool {
	for _, field := range h.Values("Accept-Encoding") {
		for coding := range strings.SplitSeq(field, ",") {
			if name, weight, _ := strings.Cut(strings.TrimSpace(coding), ";"); name == "gzip" && strings.TrimSpace(weight) != "q=0" {
				return true
			}
		}
	}
	return false
}

func (r *Registry) write(w io.Writer, format expfmt.Format, open bool) error {
	all, err := r.Registry.Gather() // with an error there are those that have none
	encoder := expfmt.NewEncoder(w, format)
	for _, f := range all {
		if err := encoder.Encode(f); err != nil {
			return err
		}
	}
	e := exposition{w: bufio.NewWriterSize(w, 64<<10), open: open}
	for _, f := range r.families {
		e.family(f)
	}
	if open {
		e.text("# EOF\n")
	}
	if flushed := e.w.Flush(); err == nil {
		err = flushed
	}
	return err
}

// exposition writes metrics in one of the two forms of text.
type exposition struct {
	w    *bufio.Writer // which keeps its first error
	open bool          // it is OpenMetrics

	metric dto.Metric
	labels []byte // of the metric at hand, as text
	line   []byte
}

func (e *exposition) text(s string) { _, _ = e.w.WriteString(s) }

// family writes a metric with all its series.
func (e *exposition) family(f family) {
	series := make(chan prometheus.Metric, 256)
	go func() {
		f.collector.Collect(series)
		close(series)
	}()
	first := true
	for one := range series {
		if first {
			first = false
			e.head(f)
		}
		e.metric.Reset()
		if one.Write(&e.metric) != nil { // of metrics of this package none fails
			continue
		}
		e.label()
		switch {
		case e.metric.Counter != nil:
			e.sample(f.name, "", e.metric.Counter.GetValue(), e.metric.Counter.Exemplar)
		case e.metric.Histogram != nil:
			e.histogram(f.name, e.metric.Histogram)
		}
	}
}

func (e *exposition) head(f family) {
	name := f.name
	if e.open {
		name = strings.TrimSuffix(name, "_total")
	}
	e.text("# HELP " + name + " " + f.help + "\n# TYPE " + name + " " + f.kind + "\n")
}

// label makes the text of the labels, without what encloses them.
func (e *exposition) label() {
	e.labels = e.labels[:0]
	for i, pair := range e.metric.Label {
		if i > 0 {
			e.labels = append(e.labels, ',')
		}
		e.labels = append(append(e.labels, pair.GetName()...), `="`...)
		e.labels = append(append(e.labels, escaped(pair.GetValue())...), '"')
	}
}

// escaped is the value of a label as text.
func escaped(value string) string {
	if strings.ContainsAny(value, "\\\"\n") {
		return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(value)
	}
	return value
}

func (e *exposition) histogram(name string, h *dto.Histogram) {
	bounds := h.GetBucket()
	for _, b := range bounds {
		e.bucket(name, b.GetUpperBound(), b.GetCumulativeCount(), b.Exemplar)
	}
	if n := len(bounds); n == 0 || !math.IsInf(bounds[n-1].GetUpperBound(), 1) {
		e.bucket(name, math.Inf(1), h.GetSampleCount(), nil)
	}
	e.sample(name, "_sum", h.GetSampleSum(), nil)
	e.begin(name, "_count", "")
	e.line = strconv.AppendUint(e.line, h.GetSampleCount(), 10)
	e.end(nil)
}

func (e *exposition) bucket(name string, bound float64, count uint64, exemplar *dto.Exemplar) {
	e.begin(name, "_bucket", string(e.number(nil, bound)))
	e.line = strconv.AppendUint(e.line, count, 10)
	e.end(exemplar)
}

func (e *exposition) sample(name, suffix string, value float64, exemplar *dto.Exemplar) {
	e.begin(name, suffix, "")
	e.line = e.number(e.line, value)
	e.end(exemplar)
}

// begin begins a line, with a bound if there is one.
func (e *exposition) begin(name, suffix, bound string) {
	e.line = append(append(append(e.line[:0], name...), suffix...), '{')
	e.line = append(e.line, e.labels...)
	if bound != "" {
		e.line = append(append(append(e.line, `,le="`...), bound...), '"')
	}
	e.line = append(e.line, "} "...)
}

// end ends a line, with an exemplar where the form has them.
func (e *exposition) end(exemplar *dto.Exemplar) {
	if e.open && exemplar != nil {
		e.line = append(e.line, " # {"...)
		for i, pair := range exemplar.Label {
			if i > 0 {
				e.line = append(e.line, ',')
			}
			e.line = append(append(e.line, pair.GetName()...), `="`...)
			e.line = append(append(e.line, escaped(pair.GetValue())...), '"')
		}
		e.line = append(e.line, "} "...)
		e.line = e.number(e.line, exemplar.GetValue())
		if at := exemplar.GetTimestamp(); at != nil {
			e.line = append(e.line, ' ')
			e.line = strconv.AppendFloat(e.line, float64(at.GetSeconds())+float64(at.GetNanos())/1e9, 'f', 3, 64)
		}
	}
	_, _ = e.w.Write(append(e.line, '\n'))
}

// number writes a number. In OpenMetrics it has a point or an exponent.
func (e *exposition) number(to []byte, x float64) []byte {
	switch {
	case math.IsInf(x, 1):
		return append(to, "+Inf"...)
	case math.IsInf(x, -1):
		return append(to, "-Inf"...)
	case math.IsNaN(x):
		return append(to, "NaN"...)
	}
	begin := len(to)
	to = strconv.AppendFloat(to, x, 'g', -1, 64)
	if e.open && !slices.ContainsFunc(to[begin:], func(c byte) bool { return c == '.' || c == 'e' }) {
		to = append(to, ".0"...)
	}
	return to
}
