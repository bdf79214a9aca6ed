package reading

import "strings"

// xmlBinding is a prefix that is declared, and whether it stands for XInclude.
type xmlBinding struct {
	prefix   string
	depth    int // how many elements are open around the one that declares it
	includes bool
}

// bind notes declarations of the namespace XInclude, and of others that hide one.
func (w *xmlReader) bind(name, value string) bool {
	prefix, local := xmlLocal(name)
	switch {
	case name == "xmlns":
		prefix = ""
	case prefix == "xmlns":
		prefix = local
	default:
		return true
	}
	includes := xmlIsInclude(value)
	if !includes && !w.isInclude(prefix) {
		return true
	}
	const many = 64
	if len(w.includes) == many {
		return w.fail("XInclude is declared too often")
	}
	w.includes = append(w.includes, xmlBinding{prefix, len(w.open), includes})
	return true
}

// xmlIsInclude reports whether a namespace is XInclude.
func xmlIsInclude(uri string) bool {
	uri = strings.TrimSpace(uri)
	return uri == "http://www.w3.org/2001/XInclude" || uri == "http://www.w3.org/2003/XInclude"
}

// isInclude reports whether a prefix stands for XInclude.
func (w *xmlReader) isInclude(prefix string) bool {
	for i := len(w.includes) - 1; i >= 0; i-- {
		if w.includes[i].prefix == prefix {
			return w.includes[i].includes
		}
	}
	return false
}

// includesNothing refuses elements by which a document has others read into it.
func (w *xmlReader) includesNothing(name string) bool {
	prefix, local := xmlLocal(name)
	if local != "include" || prefix != "xi" && !w.isInclude(prefix) {
		return true
	}
	return w.fail("inclusions (XInclude) are not allowed")
}

// markup shows a tag as it stands if a browser would act on it: to rules about scripts, a tag is
// an attack, and its name and attributes alone are not. Tags that are data in every other kind of
// document are left alone.
func (w *xmlReader) markup(name string, tag int) {
	active := false
	for _, a := range w.attributes {
		active = active || xmlHandler(a.name) || xmlRuns(a.value)
	}
	_, local := xmlLocal(name)
	switch {
	case EqualKeys(local, "script"):
		w.raw, w.rawAt = tag+1, len(w.open) // shown when it ends
		return
	case EqualKeys(local, "applet"):
		active = true
	case EqualKeys(local, "iframe"), EqualKeys(local, "embed"):
		active = active || w.has("src") || w.has("srcdoc")
	case EqualKeys(local, "object"):
		active = active || w.has("data") || w.has("classid") || w.has("codebase")
	}
	if active {
		w.show(w.doc[tag:w.at])
	}
}

func (w *xmlReader) has(name string) bool {
	for i := range w.attributes {
		if EqualKeys(w.attributes[i].name, name) {
			return true
		}
	}
	return false
}

// xmlRuns reports whether a value is an address that runs something. Browsers pass control
// characters within the scheme.
func xmlRuns(value string) bool {
	var scheme [len("data:text/html")]byte
	n := 0
	for i := 0; i < len(value) && n < len(scheme); i++ {
		if c := value[i]; c > ' ' {
			if n == 0 && lowerByte(c) != 'j' && lowerByte(c) != 'v' && lowerByte(c) != 'd' {
				return false
			}
			scheme[n] = lowerByte(c)
			n++
		}
	}
	s := string(scheme[:n]) // compared only, so it stays on the stack
	return strings.HasPrefix(s, "javascript:") || strings.HasPrefix(s, "vbscript:") || s == "data:text/html"
}

// xmlHandler reports whether an attribute is one of those that hold programs for events (HTML 8.1.8,
// the events of pointers, touches, animations and media, and SVG's). Other names that begin with
// "on" are words.
func xmlHandler(name string) bool {
	if len(name) < len("oncut") || len(name) > len("onwebkitmouseforcewillbegin") || lowerByte(name[0]) != 'o' || lowerByte(name[1]) != 'n' {
		return false
	}
	switch Lower(name[2:]) {
	case "abort", "activate", "afterprint", "afterscriptexecute", "animationcancel", "animationend",
		"animationiteration", "animationstart", "auxclick", "beforeactivate", "beforecopy", "beforecut",
		"beforeinput", "beforematch", "beforepaste", "beforeprint", "beforescriptexecute",
		"beforetoggle", "beforeunload", "beforexrselect", "begin", "blur", "bounce", "cancel",
		"canplay", "canplaythrough", "change", "click", "close", "command", "contentvisibilityautostatechange",
		"contextlost", "contextmenu", "contextrestored", "copy", "cuechange", "cut", "dblclick",
		"drag", "dragend", "dragenter", "dragexit", "dragleave", "dragover", "dragstart", "drop",
		"durationchange", "emptied", "end", "ended", "error", "finish", "focus", "focusin", "focusout",
		"formdata", "fullscreenchange", "fullscreenerror", "gesturechange", "gestureend",
		"gesturestart", "gotpointercapture", "hashchange", "input", "invalid", "keydown", "keypress",
		"keyup", "languagechange", "load", "loadeddata", "loadedmetadata", "loadend", "loadstart",
		"location", "lostpointercapture", "message", "messageerror", "mousedown", "mouseenter",
		"mouseleave", "mousemove", "mouseout", "mouseover", "mouseup", "mousewheel",
		"mozfullscreenchange", "offline", "online", "pagehide", "pagereveal", "pageshow", "pageswap",
		"paste", "pause", "play", "playing", "pointercancel", "pointerdown", "pointerenter",
		"pointerleave", "pointermove", "pointerout", "pointerover", "pointerrawupdate", "pointerup",
		"popstate", "progress", "propertychange", "ratechange", "readystatechange",
		"rejectionhandled", "repeat", "reset", "resize", "scroll", "scrollend", "scrollsnapchange",
		"scrollsnapchanging", "search", "securitypolicyviolation", "seeked", "seeking", "select",
		"selectionchange", "selectstart", "show", "slotchange", "stalled", "start", "storage",
		"submit", "suspend", "timeupdate", "toggle", "touchcancel", "touchend", "touchmove",
		"touchstart", "transitioncancel", "transitionend", "transitionrun", "transitionstart",
		"unhandledrejection", "unload", "volumechange", "waiting", "webkitanimationend",
		"webkitanimationiteration", "webkitanimationstart", "webkitfullscreenchange",
		"webkitmouseforcechanged", "webkitmouseforcedown", "webkitmouseforceup",
		"webkitmouseforcewillbegin", "webkitplaybacktargetavailabilitychanged",
		"webkitpresentationmodechanged", "webkittransitionend", "webkitwillrevealbottom", "wheel", "zoom":
		return true
	}
	return false
}
