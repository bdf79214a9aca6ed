package main

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/audit/file"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/mask"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/record"
)

// recorder makes records and writes them to a file. The zero value makes none.
type recorder struct {
	*record.Recorder
	to outlet // what it gives them to
}

// openRecorder starts what the boot settings say of records. A file that cannot be written to is no error: it may be
// possible later, and requests do not wait for it.
func openRecorder(boot *config.Boot, to *sinks, secrets *mask.Policy, registry prometheus.Registerer, all *outages, log zerolog.Logger) *recorder {
	c := &boot.Records
	if !c.On() {
		return &recorder{}
	}
	queue := int64(0)
	if c.File != nil {
		queue = int64(c.Memory) / 4 // of lines; the rest is for what they are made of
	}
	account := record.NewAccount(int64(c.Memory) - queue)
	var losses []string
	for _, loss := range record.Losses {
		losses = append(losses, string(loss))
	}
	counted := metrics.NewRecords(registry, losses, account.Limit(), account.Used)
	log = log.With().Str("component", "records").Logger()
	r := &recorder{}
	var out func(line []byte)
	if c.File != nil {
		written := file.Start(fileOptions(c.File), int(queue), newRecordsReporter(counted, all, log.With().Str("file", c.File.Path).Logger()))
		r.to = called{written, "file of records"}
		out = func(line []byte) { written.Send(audit.RecordEvent, line) }
	} else {
		one := to.byID[c.Sink]
		r.to = called{one, "sink " + c.Sink}
		out = func(line []byte) {
			counted.Count(1, metrics.RecordSink)
			one.Send(audit.RecordEvent, line)
		}
	}
	var often seldom // whoever has found out how may go on
	r.Recorder = record.New(record.Options{
		Account: account, Masker: secrets, Out: out,
		Lost: func(why record.Loss) { counted.Count(1, string(why)) },
		Broke: func(err any) {
			if often.may() {
				log.Error().Str("panic", audit.Shown(fmt.Sprint(err), toldBytes)).Msg("record could not be made")
			}
		},
	})
	return r
}

// endBy has it end with others, and then what it gives records to.
func (r *recorder) endBy(o *outlets) {
	if r.Recorder != nil {
		o.all = append(o.all, inTurn{called{r, "records"}, r.to})
	}
}

// recordsReporter counts what becomes of lines of records, and tells when they cannot be written and when they can be again.
type recordsReporter struct {
	*metrics.Records
	*outage
}

func newRecordsReporter(m *metrics.Records, all *outages, log zerolog.Logger) *recordsReporter {
	return &recordsReporter{m, all.add(log, "records cannot be written", "records cannot be written", "records are written again", m.Up)}
}

func (r *recordsReporter) Sent(lines int) { r.Count(lines, metrics.RecordWritten) }

func (r *recordsReporter) Lost(lines int, _ string) {
	r.Count(lines, metrics.RecordOutput)
	r.lose(lines)
}

func (r *recordsReporter) Failed(err error) {
	r.Records.Failed()
	r.failed(err)
}

func (r *recordsReporter) Worked() { r.worked() }
