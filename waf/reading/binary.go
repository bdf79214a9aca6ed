package reading

import "strings"

// What is shown of bytes that are no text.
const (
	leastRun  = 16      // letters one after another that do not come about by chance
	mostShown = 4 << 10 // of one run
)

// binary shows what of bytes in an unknown or a compressed format may be for somebody who runs it, or for
// a rule: the texts in it that are active content, and of formats that are not known every text. The
// rest is not inspected.
func (v *Values) binary(k Kind, key, data string) {
	if isMedia(data) {
		v.leave("binary")
		v.active(k, key, data)
		return
	}
	if nearlyText(data) {
		v.put(k, key, v.spaced(data))
		return
	}
	v.leave("binary")
	v.runs(k, key, data)
}

// runs shows every text of some length.
func (v *Values) runs(k Kind, key, data string) {
	if len(data) < 3 {
		return
	}
	for i := 0; i < len(data); {
		from := i
		for i < len(data) && isASCIIText(data[i]) {
			i++
		}
		if run := data[from:i]; len(run) >= leastRun || len(run) > 2 && isActive(run) {
			v.put(k, key, run)
			v.nested(k, key, run)
		}
		for i < len(data) && !isASCIIText(data[i]) {
			i++
		}
	}
}

// active shows the texts in which something begins that a server or a browser would run.
func (v *Values) active(k Kind, key, data string) {
	if strings.HasPrefix(data, "#!/") {
		v.put(k, key, data[:runEnd(data)])
	}
	for {
		i := strings.IndexByte(data, '<')
		if i < 0 {
			return
		}
		data = data[i:]
		if !isActive(data) {
			data = data[1:]
			continue
		}
		end := runEnd(data)
		v.put(k, key, data[:end])
		data = data[end:]
	}
}

// runEnd is where the text ends that data begins with.
func runEnd(data string) int {
	i := 0
	for i < len(data) && i < mostShown && byteClass[data[i]]&controlByte == 0 {
		i++
	}
	return i
}

// isActive reports whether s begins as active content does. Two bytes come about by chance in any
// picture, so that "<%" needs text behind it.
func isActive(s string) bool {
	switch {
	case len(s) < 3:
		return false
	case s[0] == '#':
		return strings.HasPrefix(s, "#!/")
	case s[0] != '<':
		return false
	case s[1] == '?':
		return s[2] == '=' || len(s) >= 5 && EqualKeys(s[2:5], "php") || s[2] <= ' ' && isASCIIText(s[2]) && runEnd(s) >= leastRun
	case s[1] == '%':
		return runEnd(s) >= leastRun
	}
	return len(s) >= 7 && EqualKeys(s[:7], "<script") || len(s) >= 5 && EqualKeys(s[:5], "<jsp:")
}

// isMedia knows the first bytes of formats that hold pictures, sound, archives, documents and programs: what
// is text in them comes with the format.
func isMedia(s string) bool {
	if len(s) < 4 {
		return false
	}
	switch s[0] {
	case 0x89:
		return s[1:4] == "PNG"
	case 0xff:
		return s[1] == 0xd8 || s[1] >= 0xe0 // JPEG, MPEG sound
	case 'G':
		return s[:4] == "GIF8"
	case 'R':
		return s[:4] == "RIFF" || s[:4] == "Rar!"
	case 'P':
		return s[1] == 'K' && s[2] < 9
	case '%':
		return s[:4] == "%PDF"
	case 'B':
		return s[:2] == "BM" || s[:3] == "BZh"
	case 'I':
		return s[:3] == "ID3" || s[:4] == "II*\x00"
	case 'M':
		return s[:2] == "MZ" || s[:4] == "MM\x00*"
	case 'O':
		return s[:4] == "OggS" || s[:4] == "OTTO"
	case 'f':
		return s[:4] == "fLaC"
	case 'w':
		return s[:4] == "wOFF" || s[:4] == "wOF2"
	case '7':
		return s[:2] == "7z"
	case 0x00:
		return s[:4] == "\x00asm" || s[:4] == "\x00\x01\x00\x00" || s[:4] == "\x00\x00\x01\x00" ||
			len(s) >= 8 && s[4:8] == "ftyp"
	case 0x1a:
		return s[:4] == "\x1a\x45\xdf\xa3" // Matroska, WebM
	case 0x1f:
		return s[1] == 0x8b || s[1] == 0x9d
	case 0x28:
		return s[:4] == "\x28\xb5\x2f\xfd" // zstd
	case 0x7f:
		return s[1:4] == "ELF"
	case 0x78:
		return s[1] == 0x01 || s[1] == 0x5e || s[1] == 0x9c || s[1] == 0xda // zlib
	case 0xca, 0xcf, 0xfe:
		return s[:4] == "\xca\xfe\xba\xbe" || s[1:4] == "\xfa\xed\xfe" || s[:3] == "\xfe\xed\xfa"
	case 0xd0:
		return s[:4] == "\xd0\xcf\x11\xe0" // older Office
	case 0xfd:
		return s[1:4] == "7zX"
	}
	return len(s) > 262 && s[257:262] == "ustar"
}
