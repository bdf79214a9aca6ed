package agreement

// minimize makes a request as small as it can while bad still holds of it, in at most a few
// thousand attempts.
func minimize(r *request, bad func(*request) bool) *request {
	attempts := 3000
	best := *r
	try := func(candidate request) bool {
		if attempts--; attempts < 0 || !bad(&candidate) {
			return false
		}
		best = candidate
		return true
	}
	for _, change := range []func(*request){
		func(r *request) { r.gzip = false },
		func(r *request) { r.chunked = false },
		func(r *request) { r.query = "" },
		func(r *request) { r.cookies = nil },
		func(r *request) { r.method = "POST" },
	} {
		candidate := best
		change(&candidate)
		try(candidate)
	}
	for i := 0; i < len(best.cookies); {
		candidate := best
		candidate.cookies = append(append([]string(nil), best.cookies[:i]...), best.cookies[i+1:]...)
		if !try(candidate) {
			i++
		}
	}
	shorten(best.body, func(s string) bool { c := best; c.body = s; return try(c) })
	shorten(best.query, func(s string) bool { c := best; c.query = s; return try(c) })
	shorten(best.contentType, func(s string) bool { c := best; c.contentType = s; return try(c) })
	for i := range best.cookies {
		shorten(best.cookies[i], func(s string) bool {
			c := best
			c.cookies = append([]string(nil), best.cookies...)
			c.cookies[i] = s
			return try(c)
		})
	}
	return &best
}

// shorten takes pieces out of a text, large ones first, as long as keep accepts what is left.
func shorten(text string, keep func(string) bool) {
	for size := (len(text) + 1) / 2; size > 0; size /= 2 {
		for again := true; again; {
			again = false
			for at := 0; at+size <= len(text); {
				if shorter := text[:at] + text[at+size:]; keep(shorter) {
					text, again = shorter, true
				} else {
					at += size
				}
			}
		}
	}
}
