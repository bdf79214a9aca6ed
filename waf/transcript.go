package waf

import (
	"sync"
	"unsafe"

	"github.com/corazawaf/coraza/v3/collection"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types/variables"
	"github.com/wafer-waf/wafer/waf/reading"
)

// Coraza reads nothing of a request by itself: not its cookies, its arguments or its body. What Wafer has
// read is written into Coraza's variables, and the same values are what the screen looks at. So both
// speak of the same request, and what rules can see depends on one reading only (ADR 14).

// transcript is what was read of a transaction's request.
type transcript struct {
	values   *reading.Values
	head     bool
	body     bool
	bodyAs   string // REQBODY_PROCESSOR with which it was read
	declared string // REQBODY_PROCESSOR by the head alone
}

var readings = sync.Pool{New: func() any { return new(reading.Values) }}

func newTranscript(o reading.Options) transcript {
	v := readings.Get().(*reading.Values)
	v.Options = o
	return transcript{values: v}
}

// end gives the memory back. Nothing that was read may be used any more.
func (s *transcript) end() {
	if s.values != nil {
		s.values.Reset()
		readings.Put(s.values)
		s.values = nil
	}
}

// readHead reads the head, once.
func (t *Transaction) readHead() {
	if t.read.head {
		return
	}
	t.request.ID = t.id
	t.read.values.Head(t.request)
	t.read.head, t.read.declared = true, t.read.values.Text(reading.ReqbodyProcessor)
}

// readBody reads the body, once for each processor that it is wanted with: the rules may choose another one
// than the screen has assumed.
func (t *Transaction) readBody(processor string) {
	if t.read.body && t.read.bodyAs == processor {
		return
	}
	if t.read.body {
		// Coraza has strings of what was read before, so its memory is left alone.
		t.read.values = &reading.Values{Options: t.engine.policy.Reading}
		t.read.values.Head(t.request)
	}
	body := t.body
	if !t.engine.policy.RequestBody {
		body = nil
	}
	mediaType := t.mediaType
	if mediaType == "" {
		declared, _ := t.read.values.First(reading.RequestHeaders, "content-type")
		mediaType = declared.Text
	}
	t.read.values.Body(processor, mediaType, body, t.whole)
	t.read.body, t.read.bodyAs = true, processor
}

// corazas are the variables of Coraza that hold the kinds of values.
var corazas = func() (out [reading.Kinds]variables.RuleVariable) {
	for k := range reading.Kinds {
		if k == reading.ArgsPathNames { // Coraza makes them of ARGS_PATH, for ARGS_NAMES
			continue
		}
		v, err := variables.Parse(k.String())
		if err != nil {
			panic("BUG: Coraza has no variable " + k.String())
		}
		out[k] = v
	}
	return out
}()

// state is Coraza's transaction as its plug-ins see it.
func (t *Transaction) state() plugintypes.TransactionState {
	return t.tx.(plugintypes.TransactionState)
}

// showHead writes what was read of the head into Coraza's variables.
func (t *Transaction) showHead() {
	for _, k := range reading.OfHead {
		t.show(k)
	}
	t.set(reading.ReqbodyProcessor, t.read.declared) // the screen may have run rules that change it
}

// showBody adds what was read of the body.
func (t *Transaction) showBody() {
	for _, k := range reading.OfBody {
		t.show(k)
	}
	if t.engine.schemas && t.read.bodyAs == "JSON" {
		t.state().Variables().TX().Set(schemaBody, []string{string(t.body)})
	}
}

func (t *Transaction) show(k reading.Kind) {
	if k.Single() {
		t.set(k, t.read.values.Text(k))
		return
	}
	values := t.read.values.Of(k)
	if len(values) == 0 {
		return
	}
	to := t.state().Collection(corazas[k]).(collection.Map)
	for i := range values {
		to.Add(keyOfItsOwn(values[i].Key), values[i].Text)
	}
}

// keyOfItsOwn is a key in memory of its own, also an empty one. Coraza remembers transformed values by the
// address of the key and by a position that the order of a map decides: of two values whose keys share memory
// it takes, now and then, one for the other, and does not look at that other.
func keyOfItsOwn(key string) string {
	b := make([]byte, len(key)+1)
	copy(b, key)
	return unsafe.String(&b[0], len(key))
}

func (t *Transaction) set(k reading.Kind, text string) {
	t.state().Collection(corazas[k]).(interface{ Set(string) }).Set(text)
}
