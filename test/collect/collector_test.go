package collect

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
)

// asCollector has this program be a collector of OpenTelemetry, at the addresses for gRPC and HTTP.
const asCollector = "WAFER_TEST_COLLECTOR"

// collectAt takes logs and traces, and prints a line for each record and span.
func collectAt(grpc, http string) error {
	factory := otlpreceiver.NewFactory()
	config := factory.CreateDefaultConfig()
	settings := confmap.NewFromStringMap(map[string]any{"protocols": map[string]any{
		"grpc": map[string]any{"endpoint": grpc}, "http": map[string]any{"endpoint": http},
	}})
	if err := settings.Unmarshal(config); err != nil {
		return err
	}
	logs, err := consumer.NewLogs(func(_ context.Context, l plog.Logs) error { return printed(logLines(l)) })
	if err != nil {
		return err
	}
	traces, err := consumer.NewTraces(func(_ context.Context, s ptrace.Traces) error { return printed(spanLines(s)) })
	if err != nil {
		return err
	}
	ctx := context.Background()
	ofLogs, err := factory.CreateLogs(ctx, receivertest.NewNopSettings(factory.Type()), config, logs)
	if err != nil {
		return err
	}
	ofTraces, err := factory.CreateTraces(ctx, receivertest.NewNopSettings(factory.Type()), config, traces)
	if err != nil {
		return err
	}
	host := componenttest.NewNopHost()
	if err := ofLogs.Start(ctx, host); err != nil {
		return err
	}
	if err := ofTraces.Start(ctx, host); err != nil {
		return err
	}
	fmt.Println("listening")
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, os.Interrupt)
	<-ended
	return nil
}

// printed writes lines at once: who is killed has either told of all of them or will get them again.
func printed(lines string) error {
	_, err := os.Stdout.WriteString(lines)
	return err
}

func logLines(l plog.Logs) (lines string) {
	for _, r := range l.ResourceLogs().All() {
		for _, s := range r.ScopeLogs().All() {
			for _, record := range s.LogRecords().All() {
				lines += fmt.Sprintln("log", record.EventName(), text(record.Attributes(), "request_id"), record.TraceID(), record.SpanID())
			}
		}
	}
	return lines
}

func spanLines(t ptrace.Traces) (lines string) {
	for _, r := range t.ResourceSpans().All() {
		for _, s := range r.ScopeSpans().All() {
			for _, span := range s.Spans().All() {
				lines += fmt.Sprintln("span", span.TraceID(), span.SpanID(), text(span.Attributes(), "wafer.verdict"))
			}
		}
	}
	return lines
}

// text is an attribute as text; empty: it is not there.
func text(m pcommon.Map, name string) string {
	if v, ok := m.Get(name); ok {
		return v.AsString()
	}
	return ""
}
