package record

import (
	"bytes"
	"mime"
	"strings"
)

// withoutFiles returns a multipart body without the contents of its files, and what they were. Of any other body it
// returns the body. It is lenient: what it takes for a file is left out, and nothing is decided by it.
func withoutFiles(body []byte, mediaType string) ([]byte, []File) {
	kind, params, err := mime.ParseMediaType(mediaType)
	if boundary := params["boundary"]; err == nil && strings.HasPrefix(kind, "multipart/") && boundary != "" {
		return cutFiles(body, []byte("--"+boundary))
	}
	return body, nil
}

// mostFiles is how many files of one body are named.
const mostFiles = 100

func cutFiles(body, delimiter []byte) (out []byte, files []File) {
	rest := body
	for {
		at := bytes.Index(rest, delimiter)
		if at < 0 {
			return append(out, rest...), files
		}
		at += len(delimiter)
		out = append(out, rest[:at]...)
		rest = rest[at:]
		end := bytes.Index(rest, delimiter)
		part := rest
		if end >= 0 {
			part = rest[:end]
		}
		head, content, found := bytes.Cut(part, []byte("\r\n\r\n"))
		file, is := fileOfHead(head)
		if found && is {
			content = bytes.TrimSuffix(content, []byte("\r\n"))
			file.Size = int64(len(content))
			if len(files) < mostFiles {
				files = append(files, file)
			}
			out = append(append(out, head...), "\r\n\r\n\r\n"...)
		} else {
			out = append(out, part...)
		}
		if end < 0 {
			return out, files
		}
		rest = rest[end:]
	}
}

// fileOfHead reads what a part says of itself. It is a file if it has the name of one.
func fileOfHead(head []byte) (f File, is bool) {
	for line := range strings.SplitSeq(unfolded(string(head)), "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "content-type":
			f.Type = strings.TrimSpace(value)
		case "content-disposition":
			_, params, err := mime.ParseMediaType(strings.TrimSpace(value))
			if err != nil {
				is = is || strings.Contains(strings.ToLower(value), "filename")
				continue
			}
			var named bool
			f.Field = params["name"]
			f.Name, named = params["filename"]
			is = is || named
		}
	}
	return f, is
}

// unfolded is a head with each of its fields on one line.
func unfolded(head string) string {
	return strings.ReplaceAll(strings.ReplaceAll(head, "\r\n ", " "), "\r\n\t", " ")
}

// maskedFiles are files of which nothing that the client says tells secrets.
func (r *Recorder) maskedFiles(files []File) []File {
	for i := range files {
		files[i].Name = r.o.Masker.Value("FILES", files[i].Name)
		files[i].Type = r.o.Masker.Header("Content-Type", files[i].Type)
		files[i].Field = r.o.Masker.Value("FILES_NAMES", files[i].Field)
	}
	return files
}
