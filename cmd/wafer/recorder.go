package main

import (
	"errors"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/audit/file"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/mask"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/record"
)

// recorder makes records and writes them to a file. The zero value makes none.
type recorder struct {
	*record.Recorder
	file *file.Sink
}

// openRecorder starts what the boot settings say of records. A file that cannot be written to is no error: it may be
// possible later, and requests do not wait for it.
func openRecorder(boot *config.Boot, secrets *mask.Policy, registry prometheus.Registerer, log zerolog.Logger) *recorder {
	c := &boot.Records
	if c.File == nil {
		return &recorder{}
	}
	queue := int64(c.Memory) / 4 // of lines; the rest is for what they are made of
	account := record.NewAccount(int64(c.Memory) - queue)
	var losses []string
	for _, loss := range record.Losses {
		losses = append(losses, string(loss))
	}
	counted := metrics.NewRecords(registry, losses, account.Limit(), account.Used)
	reports := &recordsReporter{Records: counted, log: log.With().Str("component", "records").Str("file", c.File.Path).Logger()}
	out := file.Start(fileOptions(c.File), int(queue), reports)
	return &recorder{file: out, Recorder: record.New(record.Options{
		Account: account, Masker: secrets,
		Out:  func(line []byte) { out.Send(0, line) },
		Lost: func(why record.Loss) { counted.Count(1, string(why)) },
		Broke: func(err any) {
			reports.log.Error().Interface("panic", err).Msg("record could not be made")
		},
	})}
}

// close writes what waits, as long as that does not take too long.
func (r *recorder) close() {
	if r.Recorder != nil {
		_ = errors.Join(r.Close(outputsFlush), r.file.Close(outputsFlush)) // what is lost is counted
	}
}

// recordsReporter counts what becomes of lines of records, and logs when they cannot be written and when they can be again.
type recordsReporter struct {
	*metrics.Records
	log  zerolog.Logger
	down atomic.Bool
	lost atomic.Int64 // while it is down
}

func (r *recordsReporter) Sent(lines int) { r.Count(lines, metrics.RecordWritten) }

func (r *recordsReporter) Lost(lines int, _ string) {
	r.Count(lines, metrics.RecordOutput)
	r.lost.Add(int64(lines))
}

func (r *recordsReporter) Failed(err error) {
	r.Records.Failed()
	if r.down.CompareAndSwap(false, true) {
		r.Up(false)
		r.lost.Store(0)
		r.log.Error().Err(err).Msg("records cannot be written")
	}
}

func (r *recordsReporter) Worked() {
	if r.down.Load() && r.down.CompareAndSwap(true, false) {
		r.Up(true)
		r.log.Info().Int64("lost", r.lost.Load()).Msg("records are written again")
	}
}

func (r *recordsReporter) Waiting(int64) {}
