package config

import "testing"

func TestFills(t *testing.T) {
	for text, want := range map[string]Size{
		"recent: { memory: 0 }\nrecords: { memory: 1GiB }\ntraces: { queue: 9000 }\n":                                            0,
		"recent: { memory: 1MiB }\nrecords: { memory: 8MiB, file: { path: /r } }\n":                                              9 * MiB,
		"traces: { endpoint: 'http://c:4317', queue: 1024 }\n":                                                                   16*MiB + 2*MiB,
		"events: { sinks: [{ id: a, queue: 1GiB, file: { path: /a } }, { id: b, file: { path: /b } }] }\nrecords: { sink: a }\n": 16*MiB + GiB + 4*MiB + 16*MiB,
	} {
		b, err := loadBoot(t, "to: http://a:1\n"+text, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.Fills(); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
