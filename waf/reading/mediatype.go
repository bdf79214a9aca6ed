package reading

import "strings"

// processor is the body processor that a media type selects; none for a type that says nothing of a
// structure that is read here. Frameworks differ about a type of odd spelling, so only what is at its
// beginning counts, and a body whose type selects none is read as what it looks like.
func processor(mediaType string) string {
	name := essence(mediaType)
	switch kind, sub, _ := strings.Cut(name, "/"); {
	case name == "application/x-www-form-urlencoded":
		return "URLENCODED"
	case kind == "multipart":
		return "MULTIPART"
	case strings.HasSuffix(sub, "+json") && !strings.HasPrefix(sub, "grpc") && !strings.HasPrefix(sub, "connect"):
		return "JSON"
	case strings.HasSuffix(sub, "+xml"), sub == "xml" && (kind == "text" || kind == "application"):
		return "XML"
	}
	switch name {
	case "application/json", "text/json", "application/x-json", "text/x-json", "application/csp-report",
		"application/json+protobuf", "application/x-amz-json-1.0", "application/x-amz-json-1.1",
		"application/jsonrequest", "application/json-rpc", "application/jose+json", "application/expect-ct-report",
		// Several texts, one after another.
		"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines",
		"application/jsonlines", "text/x-ndjson", "application/json-seq", "application/geo+json-seq",
		"application/x-json-stream", "application/stream+json":
		return "JSON"
	}
	return ""
}

// essence is a media type without its parameters, and without whatever else follows it, in lower case.
func essence(mediaType string) string {
	mediaType = strings.TrimSpace(mediaType)
	if i := strings.IndexAny(mediaType, ";, \t"); i >= 0 {
		mediaType = mediaType[:i]
	}
	return strings.ToLower(mediaType) // may make ASCII of what is not
}

// family is what a media type that selects no processor says of the body's encoding.
type family uint8

const (
	unknown  family = iota // nothing: the body is what it looks like
	textual                // it is text, whatever bytes it has
	protobuf               // a message of Protocol Buffers
	framed                 // messages with a prefix: gRPC, gRPC-Web, Connect
	framed64               // the same in Base64
	msgpack
	cbor
)

func familyOf(mediaType string) family {
	name := essence(mediaType)
	switch name {
	case "application/x-protobuf", "application/protobuf", "application/vnd.google.protobuf",
		"application/x-protobuffer", "application/proto", "application/x-google-protobuf",
		"application/grpc-web-proto":
		return protobuf
	case "application/msgpack", "application/x-msgpack", "application/vnd.msgpack", "application/messagepack":
		return msgpack
	case "application/cbor", "application/senml+cbor", "application/cose":
		return cbor
	case "application/graphql", "application/sdp", "application/sql", "application/javascript",
		"application/yaml", "application/x-yaml", "application/toml":
		return textual
	}
	switch {
	case strings.HasPrefix(name, "application/grpc-web-text"):
		return framed64
	case strings.HasPrefix(name, "application/grpc"), strings.HasPrefix(name, "application/connect+"):
		return framed
	case strings.HasSuffix(name, "+proto"), strings.HasSuffix(name, "+protobuf"):
		return protobuf
	case strings.HasSuffix(name, "+cbor"):
		return cbor
	case strings.HasPrefix(name, "text/"):
		return textual
	}
	return unknown
}

// isYAML reports whether a media type is one of those that YAML is sent under.
func isYAML(mediaType string) bool {
	switch essence(mediaType) {
	case "application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/vnd.yaml":
		return true
	}
	return strings.HasSuffix(essence(mediaType), "+yaml")
}
