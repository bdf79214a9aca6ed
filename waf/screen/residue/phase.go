package residue

import (
	"github.com/wafer-waf/wafer/waf/reading"
)

// firstPhase is the phase in which a kind gets its values; of single kinds there is one from
// the beginning.
func firstPhase(k reading.Kind) int {
	if k.Single() {
		return 1
	}
	return Settled(k)
}

// Settled is the phase from which on a kind's values are what they are at the end of the
// transaction, and at whose beginning they are scanned; 6: they are not scanned, and rules
// that read them take their turn.
func Settled(k reading.Kind) int {
	switch k {
	case reading.ArgsPost, reading.ArgsPostNames, reading.Files, reading.FilesNames, reading.FilesSizes,
		reading.FilesTmpContent, reading.MultipartFilename, reading.MultipartFilenameCharset, reading.MultipartFilenameLanguage, reading.MultipartName, reading.MultipartPartHeaders, reading.RequestXML, reading.RequestBody:
		return 2
	case reading.ResponseHeaders, reading.ResponseHeadersNames, reading.ResponseStatus, reading.ResponseProtocol, reading.ResponseContentType:
		return 3
	case reading.ResponseBody, reading.ResponseContentLength:
		return 4
	case reading.ArgsCombinedSize, reading.ArgumentsLimitReached, reading.FilesCombinedSize, reading.FullRequestLength,
		reading.InboundDataError, reading.MultipartDataAfter, reading.MultipartDuplicatePartHeader, reading.MultipartInvalidQuoting,
		reading.MultipartStrictError, reading.OutboundDataError, reading.ReqbodyError, reading.ReqbodyErrorMsg,
		reading.ReqbodyProcessor, reading.ReqbodyProcessorError, reading.ReqbodyProcessorErrorMsg, reading.RequestBodyLength,
		reading.StatusLine, reading.UrlencodedError:
		return 6
	}
	return 1
}
