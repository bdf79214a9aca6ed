package browser

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/wafer-waf/wafer/test/tier"
)

// viewer is somebody who looks at the page, and notes what it must not do.
type viewer struct {
	*window
	url string

	mu     sync.Mutex
	asked  []string // addresses that the browser has asked for
	faults []string // of scripts
}

// Screens that people have.
const (
	wide   = 1280
	narrow = 390
)

// watching has the document note what the policy of its contents has refused, and scripts that were never meant to run.
const watching = `window.refused = []; window.ran = [];
document.addEventListener('securitypolicyviolation', (e) => window.refused.push(e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sample));`

// look opens the page at the address of an admin listener, in a window of that width, light or dark.
func (b *browser) look(t *testing.T, url string, width int64, theme string) *viewer {
	t.Helper()
	v := &viewer{window: b.open(t, true), url: url}
	v.do(chromedp.Listen(v.ctx, v.note))
	_, err := chromedp.Call(v.ctx, network.Enable, network.EnableParams{})
	v.do(err)
	_, err = chromedp.Call(v.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1})
	v.do(err)
	_, err = chromedp.Call(v.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	v.do(err)
	_, err = chromedp.Call(v.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watching})
	v.do(err)
	v.do(chromedp.Do(v.ctx, chromedp.Navigate(url+"/")))
	return v
}

func (v *viewer) note(event any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		v.asked = append(v.asked, e.Request.URL)
	case *runtime.EventExceptionThrown:
		fault := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			fault += " " + e.ExceptionDetails.Exception.Description
		}
		v.faults = append(v.faults, fault)
	}
}

// eval returns what an expression is on the page.
func eval[T any](v *viewer, expression string) T {
	v.t.Helper()
	got, err := chromedp.Run(v.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		v.t.Fatalf("%s: %v", expression, err)
	}
	return got
}

// until waits for an expression to be true. There may be no document yet, or one that is going.
func (v *viewer) until(expression string) {
	v.t.Helper()
	deadline := time.Now().Add(patience)
	tier.EventuallyEvery(v.t, 20*time.Millisecond, expression, func() bool {
		if time.Now().After(deadline) {
			v.t.Fatalf("%s is not so, but the page shows\n%s", expression, eval[string](v, "document.body.innerText"))
		}
		so, err := chromedp.Run(v.ctx, chromedp.Evaluate[bool]("(() => { try { return Boolean("+expression+") } catch { return false } })()"))
		if v.ctx.Err() != nil {
			v.t.Fatalf("%s: %v", expression, err)
		}
		return err == nil && so
	})
}

// has waits until the view has a text.
func (v *viewer) has(text string) {
	v.t.Helper()
	quoted, _ := json.Marshal(text) // strings always encode
	v.until("document.getElementById('main').innerText.includes(" + string(quoted) + ")")
}

// see goes to a view, and waits until it has a text.
func (v *viewer) see(view, text string) {
	v.t.Helper()
	quoted, _ := json.Marshal("#/" + view) // as in has
	eval[any](v, "void (location.hash = "+string(quoted)+")")
	v.has(text)
}

// press presses keys.
func (v *viewer) press(keys string) {
	v.t.Helper()
	v.do(chromedp.Do(v.ctx, chromedp.KeyEvent(keys)))
}

// click clicks what a selector finds first.
func (v *viewer) click(selector string) {
	v.t.Helper()
	v.until("document.querySelector(" + quote(selector) + ")")
	eval[any](v, "void document.querySelector("+quote(selector)+").click()")
}

func quote(text string) string {
	quoted, _ := json.Marshal(text) // as in has
	return string(quoted)
}

// finding is what axe says of a page.
type finding struct {
	ID, Impact, Help string
	Nodes            []struct{ HTML, FailureSummary string }
}

// judge has axe look at the view as it is.
func (v *viewer) judge(what string) {
	v.t.Helper()
	for _, f := range v.serious() {
		v.t.Errorf("%s: %s, %s (%s): %+v", what, f.Impact, f.Help, f.ID, f.Nodes)
	}
}

// serious returns what axe finds that keeps people from using the view.
func (v *viewer) serious() []finding {
	v.t.Helper()
	if !eval[bool](v, "'axe' in window") {
		source, err := os.ReadFile(filepath.Join("..", "..", "bin", "tools", "axe.min.js"))
		if err != nil {
			v.t.Fatalf("axe is not there, make bin/tools/axe.min.js fetches it: %v", err)
		}
		eval[any](v, string(source)+"; undefined")
	}
	judged, err := chromedp.Run(v.ctx, chromedp.Evaluate[string]("axe.run(document, {resultTypes: ['violations']}).then((r) => JSON.stringify(r.violations))", chromedp.EvalAwaitPromise))
	v.do(err)
	var found []finding
	v.do(json.Unmarshal([]byte(judged), &found))
	return slices.DeleteFunc(found, func(f finding) bool { return f.Impact != "serious" && f.Impact != "critical" })
}

// clean wants that nothing was refused, nothing else was asked, and no script failed or ran that should not.
func (v *viewer) clean(what string) {
	v.t.Helper()
	for _, name := range []string{"refused", "ran"} {
		if got := eval[[]string](v, "window."+name); len(got) > 0 {
			v.t.Errorf("%s: %s: %v", what, name, got)
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, url := range v.asked {
		if !strings.HasPrefix(url, v.url+"/") && !strings.HasPrefix(url, "blob:"+v.url+"/") {
			v.t.Errorf("%s: the browser asked for %s", what, url)
		}
	}
	for _, fault := range v.faults {
		v.t.Errorf("%s: a script failed: %s", what, fault)
	}
}

// shoot writes a picture of the view into a folder; with whole also what is below the edge of the screen.
func (v *viewer) shoot(folder, name string, whole bool) {
	v.t.Helper()
	got, err := chromedp.Call(v.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &whole})
	v.do(err)
	if err := os.WriteFile(filepath.Join(folder, name+".png"), got.Data, 0o644); err != nil { //nolint:gosec // a picture for everybody
		v.t.Fatal(err)
	}
}
