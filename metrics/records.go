package metrics

import "github.com/prometheus/client_golang/prometheus"

// What becomes of a record, beside why one is lost before it is a line: see package record.
const (
	RecordWritten = "written"
	RecordOutput  = "output" // the file has not taken it
	RecordSink    = "sink"   // it was given to a sink of events, which counts what becomes of it
)

// Records are the instruments of records.
type Records struct {
	byResult map[string]prometheus.Counter
	failures prometheus.Counter
	up       prometheus.Gauge
}

// NewRecords registers them; used is what records take of their memory now. The losses are the words for why a record is
// lost before it is a line.
func NewRecords(reg prometheus.Registerer, losses []string, limit int64, used func() int64) *Records {
	counted := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wafer_records_total", Help: "Records of transactions, by what became of them: written, or why they were lost.",
	}, []string{"result"})
	r := &Records{
		byResult: map[string]prometheus.Counter{},
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "wafer_records_failures_total", Help: "Attempts to write records that failed. Most are made again.",
		}),
		up: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "wafer_records_up", Help: "1 if records could be written the last time, or none had to be.",
		}),
	}
	for _, result := range append([]string{RecordWritten, RecordOutput, RecordSink}, losses...) {
		r.byResult[result] = counted.WithLabelValues(result)
	}
	bytes := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "wafer_records_memory_bytes", Help: "Memory of what is captured for records, and of those that wait.",
	}, func() float64 { return float64(used()) })
	most := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "wafer_records_memory_limit_bytes", Help: "Memory that may take at most.",
	})
	most.Set(float64(limit))
	r.up.Set(1)
	reg.MustRegister(counted, r.failures, r.up, bytes, most)
	return r
}

// Count counts what has become of records.
func (r *Records) Count(n int, result string) { r.byResult[result].Add(float64(n)) }

// Failed counts an attempt that failed.
func (r *Records) Failed() { r.failures.Inc() }

// Up says whether records can be written.
func (r *Records) Up(up bool) { r.up.Set(number(up)) }
