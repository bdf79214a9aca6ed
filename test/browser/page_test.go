package browser

import (
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
	"github.com/wafer-waf/wafer/admin/view"
	"github.com/wafer-waf/wafer/test/tier"
)

// shots writes the pictures of docs/page.md anew.
var shots = flag.Bool("shots", false, "write the pictures of docs/page.md anew")

// views are all views, with a text that each has when it is there.
func views(opened string) []struct{ name, text string } {
	return []struct{ name, text string }{
		{"overview", "The latest findings"}, {"events", "Older events"}, {"event/" + opened, "If this was no attack"}, {"routes", "Proved clean"},
		{"policies", "people write about SQL there"}, {"upstreams", "10.2.0.19:8080"}, {"certificates", "ends soon"}, {"configuration", "Generation 2"},
	}
}

// TestPage has people look at the page, all in one browser.
func TestPage(t *testing.T) {
	chromium := start(t)
	for name, look := range map[string]func(*testing.T, *browser){
		"states": states, "text": text, "stream": broken, "many": manyEvents, "keyboard": keyboard, "token": token, "fences": fences, "attacks": attacks, "addresses": addresses, "figures": figures,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			look(t, chromium)
		})
	}
}

// states shows every view of a tier of which not all is well: nothing that axe calls serious, nothing refused by the
// browser, nothing asked of anybody else, nothing wider than the screen.
func states(t *testing.T, chromium *browser) {
	_, url := newStandIn(t, someAttacks(150))
	opened := "0197f2c4-8a51-7c3e-9d5b-000000000150"
	screens := []screen{{wide, "light"}, {narrow, "dark"}, {wide, "dark"}, {narrow, "light"}}
	if testing.Short() {
		screens = screens[:2]
	}
	for _, as := range screens {
		v := chromium.look(t, url, as.width, as.theme)
		for _, one := range views(opened) {
			what := fmt.Sprint(one.name, " ", as.width, " ", as.theme)
			v.see(one.name, one.text)
			v.has("10.0.0.7:9090") // the pod that does not answer
			v.until("document.getElementById('basis').innerText.includes('As of')")
			v.judge(what)
			if over := eval[int](v, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
				t.Errorf("%s: %d pixels too wide", what, over)
			}
			v.clean(what)
			if name, whole := picture(one.name, as); *shots && name != "" {
				v.shoot(filepath.Join("..", "..", "docs", "page"), name, whole)
			}
		}
	}
}

// figures lead to their events, by a filter in words that people read.
func figures(t *testing.T, chromium *browser) {
	_, url := newStandIn(t, someAttacks(3))
	v := chromium.look(t, url, wide, "light")
	for _, one := range []struct{ tile, want string }{
		{"Stopped", "Findings of rules|stopped|Any|"}, {"Would be stopped", "Findings of rules|would block|Any|"}, {"Refused", "Requests|refused|Any|"},
		{"Uninspected", "Requests|went on|not whole|"}, {"Failed", "Requests|Any|Any|5xx"},
	} {
		v.see("overview", "The latest findings")
		eval[any](v, "void [...document.querySelectorAll('.tile a')].find((a) => a.textContent === "+quote(one.tile)+").click()")
		v.until("['kind', 'verdict', 'coverage'].map((name) => document.querySelector(`select[name=${name}]`).selectedOptions[0].text).join('|') + '|' + document.querySelector('input[name=status]').value === " + quote(one.want))
		v.clean(one.tile)
	}
	v.see("events?kind=security", "Findings of rules")
	eval[any](v, "(() => { const id = document.querySelector('[name=request_id]'); id.value = 'x'; id.dispatchEvent(new Event('change')) })()")
	v.until("document.querySelector('[name=kind]')?.value === 'security,access,ban'") // whatever became of the request
	v.clean("request id")
}

// addresses are those that somebody has mistyped, or kept for too long.
func addresses(t *testing.T, chromium *browser) {
	_, url := newStandIn(t, someAttacks(1))
	v := chromium.look(t, url, wide, "light")
	for address, text := range map[string]string{"rotues": "no view rotues", "event/%zz": "no view event/%zz", "toString": "no view toString", "event/0197-gone": "What is older is in the log"} {
		v.see(address, text)
		v.until("!document.getElementById('main').innerText.includes('Asking')")
		v.judge(address)
		v.clean(address)
	}
	v.see("", "The latest findings")
}

// screen is what somebody looks at.
type screen struct {
	width int64
	theme string
}

// picture is the name of the one that docs/page.md has of a view, and whether it shows what is below the edge; empty: it has none.
func picture(view string, as screen) (name string, whole bool) {
	view, _, _ = strings.Cut(view, "/")
	switch {
	case as == screen{wide, "light"} && (view == "overview" || view == "event" || view == "configuration"):
		return view, true
	case as == screen{wide, "dark"} && (view == "events" || view == "routes"):
		return view, false
	case as == screen{narrow, "dark"} && view == "overview":
		return "narrow", false
	}
	return "", false
}

// payloads are what would run if text became markup.
var payloads = []string{
	`<img src=x onerror="window.ran.push('img')">`, `"><script>window.ran.push('script')</script>`, `<svg onload="window.ran.push('svg')">`,
	`javascript:window.ran.push('link')`, `'-window.ran.push('quote')-'`, `{{constructor.constructor('window.ran.push(1)')()}}`, `</textarea><iframe srcdoc="<script>parent.ran.push('frame')</script>">`,
}

// text puts what would run into every field of an event, and looks at it everywhere.
func text(t *testing.T, chromium *browser) {
	fields := func(text string) attack {
		return attack{Time: time.Now().UTC().Format(time.RFC3339Nano), Event: "security", RequestID: "id " + text, Route: text, Policy: text, Mode: text, Client: text, Method: text, Host: text, Path: text, Verdict: text, Status: 403,
			Score: view.Score{Inbound: 5, InboundThreshold: 5}, Rules: []found{{942100, text, text, text, text, []string{text}}}, Coverage: text, CoverageReason: text, Error: text, AccessRule: text, UserAgent: text, Comment: text, Text: text}
	}
	var events []view.Event
	for i, text := range payloads {
		e := fields(text).event("id " + text)
		e.Pod = text
		if i == 0 {
			e = fields(text).event("without pod")
		}
		events = append(events, e)
	}
	s, url := newStandIn(t, events)
	v := chromium.look(t, url, wide, "light")
	literal := func(view string) {
		t.Helper()
		for _, text := range payloads {
			v.has(text)
		}
		if got := eval[int](v, "document.querySelectorAll('img, iframe, script:not([src]), [onload], [onerror], a[href^=javascript]').length"); got != 0 {
			t.Errorf("%s: %d elements were written by a client", view, got)
		}
		v.clean(view)
	}
	v.see("overview", "The latest findings")
	v.see("events", "Found")
	literal("events")
	v.until("document.getElementById('stream').innerText.includes('live')")
	pushed := fields(`<img src=y onerror="window.ran.push('pushed')">`).event("pushed")
	s.push(pushed)
	v.has("src=y")
	literal("stream")
	for _, text := range payloads {
		eval[any](v, "void (location.hash = '#/event/' + encodeURIComponent("+quote("id "+text)+"))")
		v.has("If this was no attack")
		v.has("no longer looks at " + text)
		v.clean("event " + text)
	}
	// The address is a client's as well, if somebody was sent here.
	for _, text := range payloads {
		eval[any](v, "void (location.hash = '#/events?text=' + encodeURIComponent("+quote(text)+") + '&kind=' + encodeURIComponent("+quote(text)+"))")
		v.until("document.querySelector('input[name=text]')?.value === " + quote(text))
		v.clean("address " + text)
	}
}

// broken has the stream break off, go on where it was, and say what was missed.
func broken(t *testing.T, chromium *browser) {
	s, url := newStandIn(t, someAttacks(3))
	v := chromium.look(t, url, wide, "light")
	v.see("events", "live")
	more := someAttacks(12)
	s.push(more[0])
	v.until("document.querySelectorAll('.events tbody tr').length === 4")
	s.breakOff()
	v.has("live")
	tier.Eventually(t, "the stream is asked for again", func() bool { asked, _ := s.readers(); return asked >= 2 })
	if _, since := s.readers(); since != more[0].ID {
		t.Errorf("the stream goes on behind %q, want %q", since, more[0].ID)
	}
	v.has("live")
	s.push(more[0]) // told twice
	s.push(more[1])
	v.until("document.querySelectorAll('.events tbody tr').length === 5")
	s.push(view.Event{})
	v.has("12 events came faster")
	v.click("#pause")
	s.push(more[2])
	v.has("1 new event")
	if got := eval[int](v, "document.querySelectorAll('.events tbody tr').length"); got != 5 {
		t.Errorf("%d rows while paused, want 5", got)
	}
	v.clean("stream")
}

// manyEvents walks through a hundred thousand events, or with -short some of them, while more come in, and stays small.
func manyEvents(t *testing.T, chromium *browser) {
	many := 100_000
	if testing.Short() {
		many = 20_000
	}
	s, url := newStandIn(t, someAttacks(many))
	v := chromium.look(t, url, wide, "light")
	v.see("events", "100 events shown")
	for range 12 {
		before := eval[string](v, "document.querySelector('.events tbody tr:last-child').dataset.key")
		v.click("section .right button")
		v.until("document.querySelector('.events tbody tr:last-child').dataset.key !== " + quote(before))
	}
	v.see("events?text=000000000007&verdict=would_block", "shown") // far back
	v.see("events?text=-000000000007", "1 event shown")
	v.see("events", "100 events shown")
	v.until("document.getElementById('stream').innerText.includes('live')")
	for i := range 1500 {
		e := attack{Time: time.Now().UTC().Format(time.RFC3339Nano), Event: "security", RequestID: fmt.Sprint("flood-", i), Method: "GET", Path: fmt.Sprint("/flood/", i), Verdict: "block", Status: 403}
		s.push(e.event(fmt.Sprint("f-", i)))
	}
	v.has("/flood/1499")
	if rows := eval[int](v, "document.querySelectorAll('.events tbody tr').length"); rows > 1000 {
		t.Errorf("%d rows, want 1000 at most", rows)
	}
	v.clean("many events")
}

// keyboard goes through the page without a mouse.
func keyboard(t *testing.T, chromium *browser) {
	_, url := newStandIn(t, someAttacks(5))
	v := chromium.look(t, url, wide, "light")
	v.has("The latest findings")
	// tab presses Tab until what has the focus is what is looked for.
	tab := func(expression string) {
		t.Helper()
		for range 80 {
			v.press(kb.Tab)
			if eval[bool](v, "(() => { const e = document.activeElement; return Boolean("+expression+") })()") {
				return
			}
		}
		t.Fatalf("Tab does not lead to %s", expression)
	}
	v.press(kb.Tab)
	if !eval[bool](v, "document.activeElement.className === 'skip' && document.activeElement.getBoundingClientRect().top >= 0") {
		t.Error("the first Tab does not lead to a visible way past the menu")
	}
	tab("e.role === 'slider'")
	v.press(kb.Home)
	first := eval[string](v, "document.activeElement.ariaValueText")
	v.press(kb.ArrowRight)
	if second := eval[string](v, "document.activeElement.ariaValueText"); second == first || second == "" {
		t.Errorf("the arrow keys do not walk through a chart: %q, %q", first, second)
	}
	tab("e.textContent === 'As a table'")
	v.press(kb.Enter)
	v.until("document.querySelector('.figures[open] tbody tr')")
	tab("e.closest('#main') && e.className === 'open'") // an event
	v.press(kb.Enter)
	v.has("If this was no attack")
	v.until("document.activeElement === document.getElementById('main')")
	v.until("document.title === 'Event · Wafer'")
	tab("e.textContent === 'Copy'")
	v.press(kb.Enter)
	v.until("document.getElementById('said').textContent !== ''")
	tab("e.tagName === 'SUMMARY' && e.textContent.startsWith('The rule')")
	v.press(kb.Enter)
	v.until("document.querySelector('.found details').open")
	v.see("events", "Findings of rules")
	tab("e.name === 'verdict'")
	v.press("w") // would block
	v.until("location.hash.includes('would_block')")
	if !eval[bool](v, "document.activeElement.name === 'verdict'") {
		t.Error("the filter has lost the focus")
	}
	v.clean("keyboard")
}

// token asks for a token where one is needed, and takes no other.
func token(t *testing.T, chromium *browser) {
	s, url := newStandIn(t, someAttacks(5))
	s.token = "the right one"
	v := chromium.look(t, url, wide, "light")
	v.has("This tier asks who you are")
	v.judge("login")
	enter := func(token string) {
		t.Helper()
		v.until("document.activeElement.name === 'token'")
		v.press(token + kb.Enter)
	}
	enter("a wrong one")
	v.has("not accepted")
	enter("the right one")
	v.has("The latest findings")
	v.see("events", "live")
	if cookie := eval[string](v, "document.cookie"); cookie != "" {
		t.Errorf("cookie %q", cookie)
	}
	eval[any](v, "window.before = true, setTimeout(() => location.reload()), null")
	v.until("!window.before")
	v.has("live")
	v.click(".tools > button:last-child") // forgets it
	v.has("This tier asks who you are")
	v.clean("token")
}

// fences has the page make the mistakes that it must not make: the browser refuses all of them, and what watches it tells.
func fences(t *testing.T, chromium *browser) {
	_, url := newStandIn(t, someAttacks(5))
	v := chromium.look(t, url, wide, "light")
	v.has("The latest findings")
	for what, mistake := range map[string]string{
		"markup from text":     `document.body.innerHTML = '<img src=x onerror="window.ran.push(1)">'`,
		"markup beside":        `document.body.insertAdjacentHTML('beforeend', '<b>x</b>')`,
		"a script of text":     `(() => { const s = document.createElement('script'); s.textContent = 'window.ran.push(2)'; document.body.append(s) })()`,
		"a script from beside": `(() => { const s = document.createElement('script'); s.src = 'https://elsewhere.test/x.js'; document.body.append(s) })()`,
		"text that runs":       `setTimeout('window.ran.push(3)', 0)`,
		"a handler as text":    `document.body.setAttribute('onclick', 'window.ran.push(4)'), document.body.click()`,
		"a style as text":      `document.body.setAttribute('style', 'background: url(https://elsewhere.test/x)')`,
		"a picture of others":  `document.body.append(Object.assign(new Image(), { src: 'https://elsewhere.test/x.png' }))`,
		"a form to others":     `(() => { const f = document.createElement('form'); f.action = 'https://elsewhere.test/'; document.body.append(f); f.submit() })()`,
		"telling others":       `navigator.sendBeacon('https://elsewhere.test/', 'x')`,
	} {
		before := eval[int](v, "window.refused.length")
		eval[any](v, "(() => { try { "+mistake+" } catch { } })()")
		deadline := time.Now().Add(patience)
		for eval[int](v, "window.refused.length") == before {
			if time.Now().After(deadline) {
				t.Fatalf("%s is not refused", what)
			}
		}
	}
	if ran := eval[[]any](v, "window.ran"); len(ran) > 0 {
		t.Errorf("%v has run", ran)
	}
	eval[any](v, "void document.getElementById('main').append(document.createElement('button'))")
	if found := v.serious(); !slices.ContainsFunc(found, func(f finding) bool { return f.ID == "button-name" }) {
		t.Errorf("of a button without a name axe says %+v", found)
	}
}
