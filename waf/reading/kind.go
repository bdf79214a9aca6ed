package reading

// Kind is a variable of Coraza that this package produces. ARGS, ARGS_NAMES and XML are
// unions or aliases of kinds; see [KindOf].
type Kind uint8

// The kinds that hold exactly one value, with an empty key, in every transaction.
const (
	ArgsCombinedSize Kind = iota
	ArgumentsLimitReached
	FilesCombinedSize
	FullRequestLength
	InboundDataError
	MultipartDataAfter
	MultipartDuplicatePartHeader
	MultipartInvalidQuoting
	MultipartStrictError
	OutboundDataError
	QueryString
	RemoteAddr
	RemoteHost
	RemotePort
	ReqbodyError
	ReqbodyErrorMsg
	ReqbodyProcessor
	ReqbodyProcessorError
	ReqbodyProcessorErrorMsg
	RequestBasename
	RequestBody
	RequestBodyLength
	RequestFilename
	RequestLine
	RequestMethod
	RequestProtocol
	RequestURI
	RequestURIRaw
	ResponseBody
	ResponseContentLength
	ResponseContentType
	ResponseProtocol
	ResponseStatus
	ServerAddr
	ServerName
	ServerPort
	StatusLine
	UniqueID
	URIParseError
	UrlencodedError

	singles // their number
)

// The kinds that hold any number of values, each with a key.
const (
	ArgsGet Kind = singles + iota
	ArgsGetNames
	ArgsPath // what servers make of a path beside REQUEST_FILENAME
	ArgsPathNames
	ArgsPost
	ArgsPostNames
	Files
	FilesNames
	FilesSizes
	FilesTmpContent
	MultipartFilename
	MultipartFilenameCharset
	MultipartFilenameLanguage
	MultipartName
	MultipartPartHeaders
	RequestCookies
	RequestCookiesNames
	RequestHeaders
	RequestHeadersNames
	RequestXML
	ResponseHeaders
	ResponseHeadersNames

	// Kinds is the number of kinds; every kind is below it.
	Kinds
)

var kindNames = [Kinds]string{
	ArgsCombinedSize:             "ARGS_COMBINED_SIZE",
	ArgumentsLimitReached:        "ARGUMENTS_LIMIT_REACHED",
	FilesCombinedSize:            "FILES_COMBINED_SIZE",
	FullRequestLength:            "FULL_REQUEST_LENGTH",
	InboundDataError:             "INBOUND_DATA_ERROR",
	MultipartDataAfter:           "MULTIPART_DATA_AFTER",
	MultipartDuplicatePartHeader: "MULTIPART_DUPLICATE_PART_HEADER",
	MultipartInvalidQuoting:      "MULTIPART_INVALID_QUOTING",
	MultipartStrictError:         "MULTIPART_STRICT_ERROR",
	OutboundDataError:            "OUTBOUND_DATA_ERROR",
	QueryString:                  "QUERY_STRING",
	RemoteAddr:                   "REMOTE_ADDR",
	RemoteHost:                   "REMOTE_HOST",
	RemotePort:                   "REMOTE_PORT",
	ReqbodyError:                 "REQBODY_ERROR",
	ReqbodyErrorMsg:              "REQBODY_ERROR_MSG",
	ReqbodyProcessor:             "REQBODY_PROCESSOR",
	ReqbodyProcessorError:        "REQBODY_PROCESSOR_ERROR",
	ReqbodyProcessorErrorMsg:     "REQBODY_PROCESSOR_ERROR_MSG",
	RequestBasename:              "REQUEST_BASENAME",
	RequestBody:                  "REQUEST_BODY",
	RequestBodyLength:            "REQUEST_BODY_LENGTH",
	RequestFilename:              "REQUEST_FILENAME",
	RequestLine:                  "REQUEST_LINE",
	RequestMethod:                "REQUEST_METHOD",
	RequestProtocol:              "REQUEST_PROTOCOL",
	RequestURI:                   "REQUEST_URI",
	RequestURIRaw:                "REQUEST_URI_RAW",
	ResponseBody:                 "RESPONSE_BODY",
	ResponseContentLength:        "RESPONSE_CONTENT_LENGTH",
	ResponseContentType:          "RESPONSE_CONTENT_TYPE",
	ResponseProtocol:             "RESPONSE_PROTOCOL",
	ResponseStatus:               "RESPONSE_STATUS",
	ServerAddr:                   "SERVER_ADDR",
	ServerName:                   "SERVER_NAME",
	ServerPort:                   "SERVER_PORT",
	StatusLine:                   "STATUS_LINE",
	UniqueID:                     "UNIQUE_ID",
	URIParseError:                "URI_PARSE_ERROR",
	UrlencodedError:              "URLENCODED_ERROR",
	ArgsGet:                      "ARGS_GET",
	ArgsGetNames:                 "ARGS_GET_NAMES",
	ArgsPath:                     "ARGS_PATH",
	ArgsPathNames:                "ARGS_PATH_NAMES", // of ARGS_NAMES only, it has no variable of its own
	ArgsPost:                     "ARGS_POST",
	ArgsPostNames:                "ARGS_POST_NAMES",
	Files:                        "FILES",
	FilesNames:                   "FILES_NAMES",
	FilesSizes:                   "FILES_SIZES",
	FilesTmpContent:              "FILES_TMP_CONTENT",
	MultipartFilename:            "MULTIPART_FILENAME",
	MultipartFilenameCharset:     "MULTIPART_FILENAME_CHARSET",
	MultipartFilenameLanguage:    "MULTIPART_FILENAME_LANGUAGE",
	MultipartName:                "MULTIPART_NAME",
	MultipartPartHeaders:         "MULTIPART_PART_HEADERS",
	RequestCookies:               "REQUEST_COOKIES",
	RequestCookiesNames:          "REQUEST_COOKIES_NAMES",
	RequestHeaders:               "REQUEST_HEADERS",
	RequestHeadersNames:          "REQUEST_HEADERS_NAMES",
	RequestXML:                   "REQUEST_XML",
	ResponseHeaders:              "RESPONSE_HEADERS",
	ResponseHeadersNames:         "RESPONSE_HEADERS_NAMES",
}

// OfHead and OfBody are the kinds that [Values.Head] and [Values.Body] fill, but for those that are made
// of others: names, and ARGS_COMBINED_SIZE.
var (
	OfHead = [...]Kind{
		QueryString, RemoteAddr, RemotePort, RequestBasename, RequestFilename, RequestLine, RequestMethod, RequestProtocol,
		RequestURI, RequestURIRaw, ServerAddr, ServerName, ServerPort, URIParseError, ArgumentsLimitReached, ReqbodyProcessor,
		ArgsGet, ArgsPath, RequestCookies, RequestHeaders,
	}
	OfBody = [...]Kind{
		ReqbodyProcessor, ReqbodyError, ReqbodyErrorMsg, ReqbodyProcessorError, ReqbodyProcessorErrorMsg,
		RequestBody, RequestBodyLength, ArgumentsLimitReached, FilesCombinedSize,
		MultipartDataAfter, MultipartDuplicatePartHeader, MultipartInvalidQuoting, MultipartStrictError,
		ArgsPost, Files, FilesNames, FilesSizes, FilesTmpContent,
		MultipartFilename, MultipartFilenameCharset, MultipartFilenameLanguage, MultipartName, MultipartPartHeaders, RequestXML,
	}
)

// String is the variable's name in SecLang.
func (k Kind) String() string {
	if k < Kinds {
		return kindNames[k]
	}
	return "UNKNOWN"
}

// Single reports whether k holds exactly one value, with an empty key, in every transaction.
func (k Kind) Single() bool { return k < singles }

// KindOf returns the kinds that make up a variable of SecLang, whose name it takes in upper
// case; none for one that never has a value, so that its count is always 0. It reports false
// for a variable that this package does not know: one that rules set themselves (TX,
// MATCHED_VAR, ENV, GEO, HIGHEST_SEVERITY, RES_BODY_PROCESSOR and, through it, RESPONSE_ARGS),
// that depends on the clock (TIME, DURATION …) or on files (FILES_TMPNAMES), or that is JSON,
// which Coraza itself cannot count.
func KindOf(variable string) ([]Kind, bool) {
	switch variable {
	case "ARGS":
		return []Kind{ArgsGet, ArgsPost, ArgsPath}, true
	case "ARGS_NAMES":
		return []Kind{ArgsGetNames, ArgsPostNames, ArgsPathNames}, true
	case "XML":
		return []Kind{RequestXML}, true
	case
		// Empty: Wafer has no path arguments, response bodies are not parsed as XML.
		"RESPONSE_XML",
		// Known to Coraza's parser and never set (transaction.go, Collection).
		"AUTH_TYPE", "FULL_REQUEST", "IP", "PATH_INFO", "SESSIONID", "USERID",
		"MULTIPART_BOUNDARY_QUOTED", "MULTIPART_BOUNDARY_WHITESPACE", "MULTIPART_CRLF_LF_LINES",
		"MULTIPART_DATA_BEFORE", "MULTIPART_FILE_LIMIT_EXCEEDED", "MULTIPART_HEADER_FOLDING",
		"MULTIPART_INVALID_HEADER_FOLDING", "MULTIPART_INVALID_PART", "MULTIPART_LF_LINE",
		"MULTIPART_MISSING_SEMICOLON", "MULTIPART_UNMATCHED_BOUNDARY":
		return nil, true
	}
	for k, name := range kindNames {
		if name == variable {
			return []Kind{Kind(k)}, true
		}
	}
	return nil, false
}
