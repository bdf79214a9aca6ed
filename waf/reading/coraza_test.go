package reading

import (
	"bufio"
	"bytes"
	"fmt"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/collection"
	"github.com/corazawaf/coraza/v3/experimental"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"
	"github.com/corazawaf/coraza/v3/types/variables"
)

// oracle is a Coraza with the limits that the parent package sets, and only the rules that
// choose a body processor.
var oracle = sync.OnceValue(func() coraza.WAF {
	w, err := coraza.NewWAF(coraza.NewWAFConfig().WithResponseBodyMimeTypes([]string{"", "text/html"}).WithDirectives(`
SecRuleEngine On
SecRequestBodyAccess On
SecResponseBodyAccess On
SecRequestBodyLimit 1048576
SecRequestBodyInMemoryLimit 1048576
SecResponseBodyLimit 1048576
SecArgumentsLimit 1000
SecRequestBodyJsonDepthLimit 1024
SecRule REQUEST_HEADERS:Content-Type "^(?:application(?:/soap\+|/)|text/)xml" "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQUEST_HEADERS:Content-Type "^application/[a-z0-9.-]+[+]json" "id:200006,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQUEST_HEADERS:X-Processor "@streq raw" "id:1,phase:1,t:none,pass,nolog,ctl:requestBodyProcessor=RAW"
SecRule REQUEST_HEADERS:X-Processor "@streq force" "id:2,phase:1,t:none,pass,nolog,ctl:forceRequestBodyVariable=On"
`))
	if err != nil {
		panic(err)
	}
	return w
})

// sample is a request with its body, and perhaps the response to it.
type sample struct {
	Request
	body     []byte
	response *Response
	answer   []byte
}

// header is the first field of a name.
func (m *sample) header(name string) string {
	for _, h := range m.Headers {
		if EqualKeys(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// asked is what Coraza says.
type asked struct {
	head, whole []string // before phase 1, and after the last one that ran
	processor   string   // that ran
	rejected    bool     // the body's length
}

func ask(t testing.TB, m *sample) (a asked) {
	t.Helper()
	tx := oracle().(experimental.WAFWithOptions).NewTransactionWithOptions(experimental.Options{ID: m.ID, Context: t.Context()})
	defer func() {
		if err := tx.Close(); err != nil {
			t.Error(err)
		}
	}()
	tx.ProcessConnection(m.ClientAddr, m.ClientPort, m.ServerAddr, m.ServerPort)
	tx.SetServerName(m.Host)
	tx.ProcessURI(m.Target, m.Method, m.Protocol)
	for _, h := range m.Headers {
		tx.AddRequestHeader(h.Name, h.Value)
	}
	nothing := func(it *types.Interruption) {
		if it != nil {
			t.Fatalf("Coraza interrupts: %+v", it)
		}
	}
	vars := tx.(plugintypes.TransactionState).Variables()
	a.head = seen(vars)
	nothing(tx.ProcessRequestHeaders())
	a.processor = vars.RequestBodyProcessor().Get()
	if a.processor == "" && len(m.body) > 0 && m.header("X-Processor") == "force" {
		a.processor = "URLENCODED"
	}
	if len(m.body) > 0 {
		it, _, err := tx.WriteRequestBody(m.body)
		if err != nil {
			t.Fatal(err)
		}
		if it != nil {
			a.rejected = true
			return a
		}
	}
	it, err := tx.ProcessRequestBody()
	if err != nil {
		t.Fatal(err)
	}
	nothing(it)
	if m.response != nil {
		for _, h := range m.response.Headers {
			tx.AddResponseHeader(h.Name, h.Value)
		}
		nothing(tx.ProcessResponseHeaders(m.response.Status, m.response.Protocol))
		if _, _, err := tx.WriteResponseBody(m.answer); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ProcessResponseBody(); err != nil {
			t.Fatal(err)
		}
	}
	a.whole = seen(vars)
	return a
}

// unmodeled are the variables that KindOf does not know and Coraza lists all the same.
var unmodeled = []variables.RuleVariable{
	variables.Duration, variables.Env, variables.FilesTmpNames, variables.Geo, variables.HighestSeverity,
	variables.MatchedVar, variables.MatchedVarName, variables.MatchedVars, variables.MatchedVarsNames,
	variables.ResBodyProcessor, variables.ResponseArgs, variables.Rule, variables.TX,
	variables.Time, variables.TimeDay, variables.TimeEpoch, variables.TimeHour, variables.TimeMin,
	variables.TimeMon, variables.TimeSec, variables.TimeWday, variables.TimeYear,
}

// seen lists every value of every variable, sorted.
func seen(vars plugintypes.TransactionVariables) (out []string) {
	vars.All(func(name variables.RuleVariable, c collection.Collection) bool {
		if !slices.Contains(unmodeled, name) {
			for _, d := range c.FindAll() {
				out = append(out, line(name.Name(), d.Key(), d.Value()))
			}
		}
		return true
	})
	slices.Sort(out)
	return out
}

// listed lists a Values in the same way, by the variables that Coraza lists.
func listed(t testing.TB, v *Values) (out []string) {
	t.Helper()
	for _, name := range listedByCoraza() {
		kinds, ok := KindOf(name)
		if !ok {
			t.Fatalf("%s is neither modeled nor named as unmodeled", name)
		}
		for _, k := range kinds {
			for _, x := range v.Of(k) {
				if x.Kind != k {
					t.Errorf("a value of kind %s among those of %s", x.Kind, k)
				}
				out = append(out, line(name, x.Key, x.Text))
			}
		}
	}
	slices.Sort(out)
	return out
}

// listedByCoraza are the names of the modeled variables that Coraza lists.
var listedByCoraza = sync.OnceValue(func() (names []string) {
	tx := oracle().NewTransaction()
	defer func() { _ = tx.Close() }()
	tx.(plugintypes.TransactionState).Variables().All(func(name variables.RuleVariable, _ collection.Collection) bool {
		if !slices.Contains(unmodeled, name) {
			names = append(names, name.Name())
		}
		return true
	})
	return names
})

func line(name, key, value string) string { return fmt.Sprintf("%s:%q = %q", name, key, value) }

// counted are the single variables that are not compared: errors, lengths, and what was chosen. A reading
// that finds more than Coraza has more of them, and it has its own mind about what an error is.
var counted = []Kind{
	ArgsCombinedSize, ArgumentsLimitReached, FilesCombinedSize, FullRequestLength, MultipartDataAfter,
	MultipartDuplicatePartHeader, MultipartInvalidQuoting, MultipartStrictError, ReqbodyError, ReqbodyErrorMsg,
	ReqbodyProcessor, ReqbodyProcessorError, ReqbodyProcessorErrorMsg, RequestBodyLength, UrlencodedError,
}

// floor fails if Coraza shows its rules a value that is not among those of v, or if a single variable
// of a head has another one. Of the request's body nothing is said unless body is true.
func floor(t testing.TB, phase string, v *Values, coraza []string, body bool) {
	t.Helper()
	got := map[string]bool{}
	for _, s := range listed(t, v) {
		got[s] = true
	}
	for _, s := range coraza {
		name, _, _ := strings.Cut(s, ":")
		kinds, _ := KindOf(name)
		if len(kinds) == 1 && slices.Contains(counted, kinds[0]) {
			continue
		}
		if !body && ofBody(name) || s == line(RequestBody.String(), "", "") {
			continue
		}
		if !got[s] && !strings.ContainsRune(s, utf8.RuneError) { // behind half a pair of surrogates gjson drops a character
			t.Errorf("%s: missing %s", phase, s)
		}
	}
}

// ofBody reports whether a variable's values come from a request's body. ARGS does for what it has of
// the query as well: that is in ARGS_GET too.
func ofBody(variable string) bool {
	switch variable {
	case "ARGS", "ARGS_NAMES", "ARGS_POST", "ARGS_POST_NAMES", "FILES", "FILES_NAMES", "FILES_SIZES",
		"REQUEST_BODY", "REQUEST_XML", "XML":
		return true
	}
	return strings.HasPrefix(variable, "MULTIPART_")
}

// refused says why the rules refuse what v holds, whatever it is: with rules 200002 to 200005 of the
// recommended configuration. It is empty if they do not.
func refused(v *Values) string {
	switch {
	case v.Text(ReqbodyError) == "1":
		return "body: " + v.Text(ReqbodyErrorMsg)
	case v.Text(ArgumentsLimitReached) == "1":
		return "too many arguments"
	case v.Text(MultipartStrictError) == "1":
		return "multipart body that is read in several ways"
	}
	return ""
}

// check holds a reading to its floor for one message, and says why the message is refused, if it is.
// The floor of a body is what Coraza reads in one that it accepts, with the body processor that
// the reading chose too.
func check(t testing.TB, v *Values, m *sample) (why string) {
	t.Helper()
	a := ask(t, m)
	v.Head(&m.Request)
	if why = refused(v); why == "" {
		floor(t, "head", v, a.head, true)
		if slices.Contains(a.head, line(ArgumentsLimitReached.String(), "", "1")) {
			t.Error("head: more arguments than Coraza takes, and none too many")
		}
	}
	if a.rejected {
		return "longer than Coraza's limit"
	}
	v.Body(a.processor, m.header("Content-Type"), m.body, true)
	if m.response != nil {
		v.ResponseHead(m.response)
		if p := v.Text(ResponseContentType); p == "" || p == "text/html" {
			v.ResponseBody(m.answer)
		}
	}
	if why == "" {
		why = refused(v)
	}
	accepted := !slices.Contains(a.whole, line(ReqbodyError.String(), "", "1")) &&
		!slices.Contains(a.whole, line(ArgumentsLimitReached.String(), "", "1"))
	alike := slices.Contains(a.whole, line(ReqbodyProcessor.String(), "", v.Text(ReqbodyProcessor)))
	if v.Text(ArgumentsLimitReached) == "0" {
		floor(t, "whole", v, a.whole, accepted && alike && why == "")
	}
	return why
}

// readMessage reads a raw HTTP request as a listener would hand it on. Its body is what
// stands below the empty line, without a last line feed for files that people edit.
func readMessage(raw []byte) (*sample, error) {
	head, body, _ := bytes.Cut(raw, []byte("\n\n"))
	body = bytes.TrimSuffix(body, []byte("\n"))
	m := &sample{body: body}
	m.ClientAddr, m.ClientPort = "192.0.2.7", 50123
	m.ServerAddr, m.ServerPort = "198.51.100.1", 443
	m.ID = "0193-4f"
	lines := bufio.NewScanner(bytes.NewReader(head))
	if !lines.Scan() {
		return nil, fmt.Errorf("no request line")
	}
	words := strings.Split(lines.Text(), " ")
	if len(words) < 3 {
		return nil, fmt.Errorf("request line %q", lines.Text())
	}
	m.Method, m.Target, m.Protocol = words[0], strings.Join(words[1:len(words)-1], " "), words[len(words)-1]
	for lines.Scan() {
		name, value, found := strings.Cut(lines.Text(), ":")
		if !found {
			return nil, fmt.Errorf("header line %q", lines.Text())
		}
		m.Headers = append(m.Headers, Header{Name: name, Value: textproto.TrimString(value)})
	}
	m.Host, _, _ = strings.Cut(m.header("Host"), ":")
	if strings.HasPrefix(strings.ToLower(m.header("Content-Type")), "multipart/") {
		m.body = bytes.ReplaceAll(m.body, []byte("\n"), []byte("\r\n"))
	}
	return m, lines.Err()
}

// messages reads the files of a folder in testdata.
func messages(t testing.TB, folder string) map[string]*sample {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.http"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in testdata/%s: %v", folder, err)
	}
	all := map[string]*sample{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := readMessage(raw)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[filepath.Base(file)] = m
	}
	return all
}
