package reading

import (
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// readMultipart reads a body as one of a media type.
func readMultipart(v *Values, mediaType, body string, whole bool) {
	v.Head(&Request{Method: "POST", Target: "/", Protocol: "HTTP/1.1", Headers: []Header{{Name: "Content-Type", Value: mediaType}}})
	v.Body("MULTIPART", mediaType, []byte(body), whole)
}

// onePart is a body with the boundary b and one part.
func onePart(head, data string) string { return "--b\r\n" + head + "\r\n\r\n" + data + "\r\n--b--\r\n" }

// field is a body with one field, of which something more is said.
func field(more string) string { return onePart(`Content-Disposition: form-data; name="a"`+more, "x") }

const typeB = "multipart/form-data; boundary=b"

// TestMultipartRefused holds what parsers read in several ways: it is refused, with a reason and with the
// variable that rule 200003 looks at.
func TestMultipartRefused(t *testing.T) {
	a := "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n"
	for _, test := range []struct{ name, mediaType, body string }{
		{"end first", typeB, "--b--\r\n" + a + "--b--\r\n"},
		{"end in the middle", typeB, a + "--b--\r\n" + a + "--b--\r\n"},
		{"two ends", typeB, a + "--b--\r\n--b--\r\n"},
		{"epilogue", typeB, a + "--b--\r\nq=1"},
		{"epilogue on the line", typeB, a + "--b--q=1"},
		{"preamble", typeB, "q=1\r\n" + a + "--b--\r\n"},
		{"preamble on the line", typeB, "q=1" + a + "--b--\r\n"},
		{"preamble of a line feed", typeB, "\n" + a + "--b--\r\n"},
		{"no end", typeB, a},
		{"no end, no line", typeB, strings.TrimSuffix(a, "\r\n")},
		{"half an end", typeB, a + "--b-"},
		{"nothing but a delimiter", typeB, "--b"},
		{"nothing", typeB, "x"},
		{"line feeds", typeB, strings.ReplaceAll(a+"--b--\r\n", "\r\n", "\n")},
		{"carriage returns", typeB, strings.ReplaceAll(a+"--b--\r\n", "\r\n", "\r")},
		{"delimiter behind a line feed", typeB, strings.Replace(a, "x\r\n", "x\n--b\r\n", 1) + a + "--b--\r\n"},
		{"delimiter behind a carriage return", typeB, strings.Replace(a, "x\r\n", "x\r--b\r\n", 1) + a + "--b--\r\n"},
		{"delimiter within a line", typeB, strings.Replace(a, "x\r\n", "x--b\r\ny\r\n", 1) + "--b--\r\n"},
		{"delimiter without a line before it", typeB, "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n--b--\r\n"},
		{"longer delimiter", typeB, a + "--bc\r\n" + a + "--b--\r\n"},
		{"padded delimiter", typeB, a + "--b \r\n" + a[5:] + "--b--\r\n"},
		{"delimiter with a line feed", typeB, a + "--b\n" + a[5:] + "--b--\r\n"},
		{"delimiter within a head", typeB, onePart("Content-Disposition: form-data; name=\"a\"\r\nX: --b", "x")},
		{"delimiter line within a head", typeB, onePart("Content-Disposition: form-data; name=\"a\"\r\n--b\r\nX: 1", "x")},

		{"no boundary", "multipart/form-data", a},
		{"empty boundary", "multipart/form-data; boundary=", a},
		{"empty quoted boundary", `multipart/form-data; boundary=""`, "--\r\n"},
		{"two boundaries", "multipart/form-data; boundary=b; boundary=c", a + "--b--"},
		{"the same boundary twice", "multipart/form-data; boundary=b; boundary=b", a + "--b--"},
		{"boundary in capitals", "multipart/form-data; Boundary=b", a + "--b--"},
		{"boundary in a name", "multipart/form-data; xboundary=c; boundary=b", a + "--b--"},
		{"boundary in a value", `multipart/form-data; x="boundary=c"; boundary=b`, a + "--b--"},
		{"boundary in a later value", `multipart/form-data; boundary=b; x="boundary=c"`, a + "--b--"},
		{"boundary in itself", `multipart/form-data; boundary="boundary=c"`, "--boundary=c--"},
		{"extended boundary", "multipart/form-data; boundary*=utf-8''b", a + "--b--"},
		{"boundary in pieces", "multipart/form-data; boundary*0=b", a + "--b--"},
		{"comma", "multipart/form-data; boundary=b, multipart/form-data; boundary=c", a + "--b--"},
		{"comma in quotes", `multipart/form-data; boundary="b,c"`, "--b,c--"},
		{"semicolon in quotes", `multipart/form-data; boundary="b;c"`, "--b;c--"},
		{"space in quotes", `multipart/form-data; boundary="b c"`, "--b c--"},
		{"space at the end", `multipart/form-data; boundary="b "`, "--b --"},
		{"backslash", `multipart/form-data; boundary="b\c"`, "--b\\c--"},
		{"apostrophes", "multipart/form-data; boundary='b'", "--'b'--"},
		{"junk behind the quote", `multipart/form-data; boundary="b"c`, a + "--b--"},
		{"quote that does not end", `multipart/form-data; boundary="b`, a + "--b--"},
		{"space around the sign", "multipart/form-data; boundary =b", a + "--b--"},
		{"no semicolon", "multipart/form-data boundary=b", a + "--b--"},
		{"71 bytes", "multipart/form-data; boundary=" + strings.Repeat("b", 71), "--" + strings.Repeat("b", 71) + "--"},
		{"unquoted sign", "multipart/form-data; boundary=b=c", "--b=c--"},
		{"byte", "multipart/form-data; boundary=\"b\xe9\"", "--b\xe9--"},
		{"other type", "text/plain; boundary=b", a + "--b--"},
		{"charset", "multipart/form-data; charset=utf-16le; boundary=b", a + "--b--"},
		{"two charsets", "multipart/form-data; charset=utf-8; charset=utf-8; boundary=b", a + "--b--"},

		{"no head", typeB, "--b\r\n\r\nx\r\n--b--\r\n"},
		{"no disposition", typeB, onePart("Content-Type: text/plain", "x")},
		{"two dispositions", typeB, field("\r\ncontent-disposition: form-data; name=\"c\"")},
		{"field twice", typeB, field("\r\nX: 1\r\nx: 2")},
		{"attachment", typeB, onePart(`Content-Disposition: attachment; name="a"`, "x")},
		{"no type of disposition", typeB, onePart(`Content-Disposition: name="a"`, "x")},
		{"folded", typeB, field("\r\n ; filename=\"x\"")},
		{"no colon", typeB, field("\r\nX")},
		{"space before the colon", typeB, field("\r\nX : 1")},
		{"empty field name", typeB, field("\r\n: 1")},
		{"field name that is no token", typeB, field("\r\n(X): 1")},
		{"NUL", typeB, field("\x00")},
		{"NUL in a name", typeB, onePart("Content-Disposition: form-data; name=\"a\x00b\"", "x")},
		{"line feed in a head", typeB, field("\nX: 1")},
		{"carriage return in a head", typeB, field("\rX: 1")},
		{"many fields", typeB, field(strings.Repeat("\r\nX: 1", 16))},
		{"long head", typeB, field("\r\nX: " + strings.Repeat("x", maxPartHead))},
		{"no name", typeB, onePart("Content-Disposition: form-data", "x")},
		{"file without a name", typeB, onePart(`Content-Disposition: form-data; filename="x"`, "x")},
		{"name twice", typeB, field(`; name="c"`)},
		{"name in capitals", typeB, field(`; NAME="c"`)},
		{"extended name", typeB, field(`; name*=utf-8''c`)},
		{"name in pieces", typeB, field(`; name*0=c`)},
		{"name in another name", typeB, field(`; x-name=c`)},
		{"name in a value", typeB, field(`; filename="x; name=c"`)},
		{"name in a value, spaced", typeB, field(`; filename="x; Name ="`)},
		{"file named in another field", typeB, field("\r\nContent-Type: text/plain; filename=x")},
		{"disposition in another field", typeB, field("\r\nX: Content-Disposition: y; name=c")},
		{"name in apostrophes", typeB, onePart("Content-Disposition: form-data; name='a'", "x")},
		{"apostrophe in a token", typeB, onePart("Content-Disposition: form-data; name=a'b", "x")},
		{"escaped quote", typeB, onePart(`Content-Disposition: form-data; name="a\"b"`, "x")},
		{"backslash at the end", typeB, onePart(`Content-Disposition: form-data; name="a\"; x="b"`, "x")},
		{"encoded name", typeB, onePart(`Content-Disposition: form-data; name="=?utf-8?q?c?="`, "x")},
		{"junk behind a name", typeB, field(`c`)},
		{"no sign", typeB, field(`; filename`)},
		{"no value", typeB, field(`; filename=`)},
		{"space before the sign", typeB, field(`; filename ="x"`)},
		{"space behind the sign", typeB, field(`; filename= "x"`)},
		{"space before the first semicolon", typeB, onePart(`Content-Disposition: form-data ; name="a"; filename="b"`, "x")},
		{"two semicolons", typeB, field(`;; filename="x"`)},
		{"filename twice", typeB, field(`; filename="x"; filename="y"`)},
		{"filename in pieces", typeB, field(`; filename*0=x`)},
		{"filename in encoded pieces", typeB, field(`; filename="x"; filename*0*=utf-8''x`)},
		{"quoted filename*", typeB, field(`; filename*="utf-8''x"`)},
		{"filename* without a charset", typeB, field(`; filename*=x`)},
		{"filename* with a bad escape", typeB, field(`; filename*=utf-8''x%zz`)},
		{"filename* in UTF-7", typeB, field(`; filename*=utf-7''x`)},
		{"filename* with three apostrophes", typeB, field(`; filename*=utf-8''x'y`)},
		{"encoded word in UTF-16", typeB, field(`; filename="=?utf-16?b?AHgALg==?="`)},
		{"encoded word that is not whole", typeB, field(`; filename="=?utf-8?q?x"`)},

		{"transfer encoding", typeB, field("\r\nContent-Transfer-Encoding: x-uuencode")},
		{"padding within", typeB, onePart("Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64", "eA==eA==")},
		{"other alphabet", typeB, onePart("Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64", "eA-_")},
		{"field in UTF-16", typeB, field("\r\nContent-Type: text/plain; charset=utf-16")},
		{"field in UTF-7", typeB, field("\r\nContent-Type: text/plain; charset=\"UTF-7\"")},
		{"field in two charsets", typeB, field("\r\nContent-Type: text/plain; charset=utf-8; charset=utf-16")},
		{"field in a charset without a semicolon", typeB, field("\r\nContent-Type: text/plain charset=utf-16")},
		{"field in a spaced charset", typeB, field("\r\nContent-Type: text/plain; charset = utf-16")},
		{"_charset_", typeB, onePart(`Content-Disposition: form-data; name="_charset_"`, "utf-16")},
		{"multipart part", typeB, field("\r\nContent-Type: multipart/mixed; boundary=c")},
		{"other length", typeB, field("\r\nContent-Length: 2")},
		{"odd length", typeB, field("\r\nContent-Length: +1")},
		{"XML that is not well-formed", typeB, field("\r\nContent-Type: text/xml")},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := new(Values)
			readMultipart(v, test.mediaType, test.body, true)
			if v.Text(ReqbodyError) != "1" || v.Text(ReqbodyErrorMsg) == "" || v.Text(MultipartStrictError) != "1" {
				t.Errorf("error %+v %q, strict %q: %+v", v.Text(ReqbodyError), v.Text(ReqbodyErrorMsg), v.Text(MultipartStrictError), v.Of(ArgsPost))
			}
		})
	}
}

// TestMultipartShown holds what rules see of bodies that are accepted, where it is more than one would
// think: "KIND:key=text".
func TestMultipartShown(t *testing.T) {
	star := `Content-Disposition: form-data; name="q"; filename*=utf-8''a%2Etxt`
	for _, test := range []struct {
		name, body string
		want       []string
	}{
		{"a name to some, none to others", onePart(star, "' or 1"), []string{
			"ARGS_POST:q=' or 1", "FILES:=a.txt", "FILES_NAMES:=q", "FILES_SIZES:a.txt=6", "MULTIPART_FILENAME_CHARSET:q=utf-8",
		}},
		{"two file names", onePart(star+`; filename="b.php"`, "x"), []string{"FILES:=a.txt", "FILES:=b.php", "MULTIPART_FILENAME:q=b.php"}},
		{"empty file name", onePart(`Content-Disposition: form-data; name="q"; filename=""`, "x"), []string{"ARGS_POST:q=x"}},
		{"escapes of browsers", onePart(`Content-Disposition: form-data; name="a%22b"; filename="c%22.txt"`, "x"), []string{
			"FILES_NAMES:=a%22b", `FILES_NAMES:=a"b`, `FILES:=c%22.txt`, `FILES:=c".txt`,
		}},
		{"field with escapes", onePart(`Content-Disposition: form-data; name="a%5b0]"`, "x"), []string{"ARGS_POST:a%5b0]=x", "ARGS_POST:a[0]=x"}},
		{"backslash", onePart(`Content-Disposition: form-data; name="a\b"; filename="C:\x\.ph\p"`, "x"), []string{
			`FILES_NAMES:=ab`, `FILES:=C:\x\.ph\p`, "FILES:=C:x.php",
		}},
		{"backslashes, some doubled", onePart(`Content-Disposition: form-data; name="a"; filename="C:\\e\x.txt"`, "x"), []string{
			`FILES:=C:\\e\x.txt`, `FILES:=C:\ex.txt`, `FILES:=C:\e\x.txt`,
		}},
		{"encoded word", onePart(`Content-Disposition: form-data; name="a"; filename="=?utf-8?B?eC5waHA=?="`, "x"), []string{"FILES:=x.php"}},
		{"Base64", onePart("Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64", "PHNjcmlwd\r\nD4="), []string{
			"ARGS_POST:a=PHNjcmlwd\r\nD4=", "ARGS_POST:a=<script>",
		}},
		{"quoted-printable", onePart("Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: Quoted-Printable", "=3Cscr=\r\nipt=3e=zz= \r\n="), []string{
			"ARGS_POST:a=<script>=zz",
		}},
		{"JSON in a field", onePart(`Content-Disposition: form-data; name="a"`, `{"b":"c"}`), []string{`ARGS_POST:a={"b":"c"}`, "ARGS_POST:a.b=c"}},
		{"JSON in a file", onePart("Content-Disposition: form-data; name=\"a\"; filename=\"blob\"\r\nContent-Type: application/json", `{"b":"c"}`), []string{"ARGS_POST:a.b=c"}},
		{"XML in a field", onePart("Content-Disposition: form-data; name=\"a\"\r\nContent-Type: text/xml", `<a b="c">d</a>`), []string{
			`ARGS_POST:a=<a b="c">d</a>`, "REQUEST_XML:/*=d",
		}},
		{"program in an image", onePart("Content-Disposition: form-data; name=\"a\"; filename=\"x.gif\"", "GIF89a<?=`id`"), []string{"FILES_TMP_CONTENT:a=<?=`id`"}},
		{"empty names", onePart(`Content-Disposition: form-data; name=""`, "x"), []string{"ARGS_POST:=x"}},
		{"line feeds in a file", onePart(`Content-Disposition: form-data; name="a"`, "\n-b\r\n\r-\n\r\n"), []string{"ARGS_POST:a=\n-b\r\n\r-\n\r\n"}},
		{"length", onePart("Content-Disposition: form-data; name=\"a\"\r\nContent-Length: 03", "xyz"), []string{"ARGS_POST:a=xyz", "MULTIPART_PART_HEADERS:a=Content-Length: 03"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := new(Values)
			readMultipart(v, typeB, test.body, true)
			if why := refused(v); why != "" {
				t.Fatalf("refused: %s", why)
			}
			var got []string
			for _, x := range v.All() {
				got = append(got, fmt.Sprintf("%s:%s=%s", x.Kind, x.Key, x.Text))
			}
			for _, want := range test.want {
				if !slices.Contains(got, want) {
					t.Errorf("not shown: %q", want)
				}
			}
			if t.Failed() {
				t.Logf("%q", got[singles:])
			}
		})
	}
}

// TestMultipartRelated holds the multipart bodies that are no forms: SOAP with attachments, uploads with
// metadata, batches.
func TestMultipartRelated(t *testing.T) {
	for _, test := range []struct {
		name, mediaType, body, want string
	}{
		{"SOAP", `multipart/related; boundary=b; type="text/xml"`,
			"--b\r\nContent-Type: text/xml; charset=utf-8\r\nContent-ID: <root>\r\n\r\n<e><q>one</q></e>\r\n--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n\x89PNG\x00\r\n--b--\r\n",
			"REQUEST_XML:/*=one"},
		{"metadata", "multipart/related; boundary=b", onePart("Content-Type: application/json", `{"name":"x"}`), "ARGS_POST:.name=x"},
		{"named and binary", "multipart/mixed; boundary=b", onePart(`Content-Disposition: form-data; name="q"`, "\x00x"), "ARGS_POST:q=\x00x"},
		{"batch", "multipart/mixed; boundary=b", onePart("Content-Type: application/http\r\nContent-ID: <1>", "GET /a HTTP/1.1"), "ARGS_POST:<1>=GET /a HTTP/1.1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := new(Values)
			readMultipart(v, test.mediaType, test.body, true)
			if why := refused(v); why != "" {
				t.Fatalf("refused: %s", why)
			}
			if !slices.ContainsFunc(v.All(), func(x Value) bool { return fmt.Sprintf("%s:%s=%s", x.Kind, x.Key, x.Text) == test.want }) {
				t.Errorf("not shown: %q in %+v", test.want, v.All()[singles:])
			}
		})
	}
}

// TestMultipartLimits holds the bounds of a body: at each it is accepted, above it refused.
func TestMultipartLimits(t *testing.T) {
	v := new(Values)
	f := func(n int, part string, want bool) {
		t.Helper()
		readMultipart(v, typeB, strings.Repeat("--b\r\n"+part+"\r\n\r\n\r\n", n)+"--b--\r\n", true)
		if why := refused(v); (why == "") != want {
			t.Errorf("%d parts: %q", n, why)
		}
	}
	f(maxParts, "Content-Disposition: form-data; name=a", true)
	f(maxParts+1, "Content-Disposition: form-data; name=a", false)
	if v.Text(ArgumentsLimitReached) != "1" {
		t.Error("one too many is not told")
	}
	f(20000, "Content-Disposition: form-data; name=a", false)
	if n := len(v.Of(ArgsPost)); n > maxParts {
		t.Errorf("%d fields were read", n)
	}
	f(maxFiles, `Content-Disposition: form-data; name=a; filename=b`, true)
	f(maxFiles+1, `Content-Disposition: form-data; name=a; filename=b`, false)
}

// TestMultipartCut holds that the beginning of a body is accepted wherever it ends, with the fields
// that are whole in it.
func TestMultipartCut(t *testing.T) {
	body := "--b\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Length: 3\r\n\r\none\r\n--b\r\n" +
		"Content-Disposition: form-data; name=\"f\"; filename=\"x.png\"\r\n\r\n\x89PNG\r\n--b--\r\n"
	v := new(Values)
	for n := len("--b"); n <= len(body); n++ {
		readMultipart(v, typeB, body[:n], false)
		if why := refused(v); why != "" {
			t.Errorf("%q: %s", body[:n], why)
		}
		if whole := strings.Contains(body[:n], "one\r\n--b"); whole && !slices.Contains(v.Of(ArgsPost), Value{Kind: ArgsPost, Key: "a", Text: "one"}) {
			t.Errorf("%q: %+v", body[:n], v.Of(ArgsPost))
		}
	}
}

// TestMultipartFiles holds what a policy says of files, and that what is not seen is told.
func TestMultipartFiles(t *testing.T) {
	text := onePart(`Content-Disposition: form-data; name="f"; filename="a.txt"`, "some text")
	archive := onePart(`Content-Disposition: form-data; name="f"; filename="a.zip"`, "PK\x03\x04\x00")
	image := onePart(`Content-Disposition: form-data; name="f"; filename="a.png"`, "\x89PNG\x00")
	empty := onePart(`Content-Disposition: form-data; name="f"; filename="a.zip"`, "")
	for _, test := range []struct {
		mode       FileMode
		body, left string
		shown      bool
	}{
		{FilesActive, text, leftFiles, false}, {FilesActive, archive, leftFiles, false}, {FilesActive, image, leftFiles, false}, {FilesActive, empty, "", false},
		{FilesSkip, text, leftFiles, false}, {FilesSkip, image, leftFiles, false}, {FilesSkip, empty, "", false},
		{FilesAll, text, "", true}, {FilesAll, archive, leftFiles, false},
	} {
		v := &Values{Options: Options{Files: test.mode}}
		readMultipart(v, typeB, test.body, true)
		if got := v.Uninspected(); got != test.left {
			t.Errorf("mode %d: left %q, want %q in %q", test.mode, got, test.left, test.body)
		}
		if got := len(v.Of(ArgsPost)) > 0; got != test.shown {
			t.Errorf("mode %d: shown %t in %q", test.mode, got, test.body)
		}
	}
}

// anyName and anyFile find names as parsers do that have no grammar.
var (
	anyName = regexp.MustCompile(`(?i)\bname="([^"]*)"|\bname=([^";\s]+)`)
	anyFile = regexp.MustCompile(`(?i)filename\*?=`)
)

// lenient reads a body as parsers do that cut it wherever the delimiter is, and take any line end.
func lenient(boundary, body string, see func(name, data string)) {
	for i, piece := range strings.Split(body, "--"+boundary) {
		if i == 0 || strings.HasPrefix(piece, "--") {
			continue
		}
		piece = strings.ReplaceAll(piece, "\r\n", "\n")
		head, data, ok := strings.Cut(strings.TrimLeft(piece, " \t\n"), "\n\n")
		if !ok {
			continue
		}
		for line := range strings.SplitSeq(head, "\n") {
			if field, value, _ := strings.Cut(line, ":"); strings.EqualFold(strings.TrimSpace(field), "content-disposition") {
				if m := anyName.FindStringSubmatch(value); m != nil && !anyFile.MatchString(value) {
					see(m[1]+m[2], strings.TrimSuffix(data, "\n"))
				}
			}
		}
	}
}

// dense is a text without white space, of which readers leave some away.
func dense(s string) string { return strings.Join(strings.Fields(s), "") }

// checkReaders fails if another reader sees something in an accepted body that rules do not.
func checkReaders(t *testing.T, v *Values, mediaType, body string) {
	t.Helper()
	_, params, err := mime.ParseMediaType(mediaType)
	if err != nil {
		return
	}
	fields, files := map[string]bool{}, map[string]bool{}
	for _, x := range v.Of(ArgsPost) {
		fields[x.Key+"\x00"+dense(x.Text)] = true
	}
	for _, x := range v.Of(Files) {
		files[x.Text] = true
	}
	lenient(params["boundary"], body, func(name, data string) {
		if !fields[name+"\x00"+dense(data)] {
			t.Errorf("a lenient reader sees %q = %q", name, data)
		}
	})
	r := multipart.NewReader(strings.NewReader(body), params["boundary"])
	for {
		p, err := r.NextPart()
		if err != nil {
			return
		}
		data, err := io.ReadAll(p)
		if err != nil {
			return
		}
		_, disposition, _ := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
		if name := disposition["filename"]; name != "" {
			if !files[name] {
				t.Errorf("mime/multipart sees the file %q", name)
			}
			continue
		}
		if !fields[p.FormName()+"\x00"+dense(string(data))] {
			t.Errorf("mime/multipart sees %q = %q", p.FormName(), data)
		}
	}
}

// FuzzMultipartReaders compares accepted forms with other readers.
func FuzzMultipartReaders(f *testing.F) {
	for _, m := range messages(f, "ordinary") {
		if h := m.header("Content-Type"); strings.HasPrefix(h, "multipart/form-data") {
			f.Add(h, string(m.body))
		}
	}
	for _, body := range []string{
		"--b--\r\n--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b--\r\n", field(`; filename*=utf-8''c`), field(`; filename="x\y; z"`),
		field("\r\nContent-Transfer-Encoding: quoted-printable"), field("\n--b\r\nX: 1"), field("\r\nContent-Length: 1"),
		onePart("Content-Disposition: form-data; name=a; x='y'", "\n--b\n\n\r--b\r\n--bb"),
	} {
		f.Add(typeB, body)
		f.Add(`multipart/form-data; charset="utf-8"; boundary="b"`, body)
	}
	v := new(Values)
	f.Fuzz(func(t *testing.T, mediaType, body string) {
		readMultipart(v, mediaType, body, true)
		if refused(v) == "" && essence(mediaType) == "multipart/form-data" {
			checkReaders(t, v, mediaType, body)
		}
	})
}

// mostly is the first word, and seldom one of the others.
func (r maker) mostly(word string, others ...string) string {
	if r.IntN(24) > 0 {
		return word
	}
	return r.one(others...)
}

// forms makes a form out of what clients write and what parsers stumble over.
func (r maker) forms() (mediaType, body string) {
	boundary := r.one("b", "b", "bb", "b-")
	quote := r.one("", `"`)
	mediaType = r.one("multipart/form-data; ", "multipart/form-data;", "Multipart/Form-Data ;", "multipart/form-data; charset=utf-8; ") +
		"boundary=" + quote + r.mostly(boundary, "c", boundary+"?") + quote + r.one("", "", ";")
	var b strings.Builder
	b.WriteString(r.mostly(r.one("", "\r\n"), "--"+boundary+"--\r\n", "x", "\n"))
	eol := func() string { return r.mostly("\r\n", "\r\n", "\r\n", "\n", "\r", " \r\n") }
	for range 1 + r.IntN(3) {
		b.WriteString(r.mostly("--"+boundary, "--b", "--bb", "--b-", " --b") + eol())
		fields := []string{r.one("Content-Disposition", "content-disposition") + r.mostly("", " ") + ":" + r.one(" ", "", "\t") + r.mostly("form-data", "FORM-DATA", "file") +
			r.one(";", "; ", " ; ") + r.mostly(r.one("name=a", `name="a"`, `name="a"`, `name="a b;c"`, `name="é"`, `name="a%22"`, `name="a\c"`, `name=""`), `NAME="a"`, "name='a'", "name*=utf-8''a", `name="a\"`) +
			r.mostly(r.one("", "", "", `; filename="f.txt"`, `; filename=""`, "; filename*=utf-8''f%2e", `; filename="x"; filename*=utf-8''y`, `; x="y"`, ";", " "), `; filename="a; name=q"`, `; name="z"`, "; x-name=q")}
		for range r.IntN(3) {
			fields = append(fields, r.mostly(r.one("Content-Type: text/plain", "Content-Transfer-Encoding: binary", "Content-Transfer-Encoding: quoted-printable", "X: 1", "Y: é"),
				"Content-Transfer-Encoding: base64", "Content-Type: text/plain; charset=utf-16", "x: 2", "X", " folded", "Content-Length: 1", "Content-Disposition: form-data; name=q"))
		}
		r.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
		for _, f := range fields {
			b.WriteString(f + eol())
		}
		b.WriteString(eol() + r.some(4, "x", "x", "y", "=41", "\r\n", "--", "\r\n--", "\r\n--c", "\n", "\r", "é", "\x00", r.mostly("", "\n--b", "\r--b", "--b", "\r\n--b--")) + eol())
	}
	return mediaType, b.String() + r.mostly("--"+boundary+r.one("--\r\n", "--"), "--b--", "--bb--", "--b---", "--b-- \r\n", "--b--\r\nx", "--b\r\n", "")
}

// TestMultipartReaders compares made forms that are accepted with other readers. That enough of them are
// accepted shows that the test looks at something.
func TestMultipartReaders(t *testing.T) {
	v := new(Values)
	accepted := 0
	for i := range 5 * *randomMessages {
		r := maker{rand.New(rand.NewPCG(2, uint64(i)))}
		mediaType, body := r.forms()
		readMultipart(v, mediaType, body, true)
		if refused(v) != "" {
			continue
		}
		accepted++
		if checkReaders(t, v, mediaType, body); t.Failed() {
			t.Fatalf("form %d: %q %q", i, mediaType, body)
		}
	}
	if accepted < *randomMessages {
		t.Errorf("%d accepted", accepted)
	}
	t.Logf("%d of %d accepted", accepted, 5**randomMessages)
}
