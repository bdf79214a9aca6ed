package check

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/wafer-waf/wafer/grpc"
	"github.com/wafer-waf/wafer/message"
)

// The health protocol of gRPC (grpc.health.v1): a call with the name of a service as field 1, answered by a
// message whose field 1 says how that is.
const (
	healthMethod = "/grpc.health.v1.Health/Check"
	tagService   = 1<<3 | 2 // field 1, of a length
	tagStatus    = 1 << 3   // field 1, a varint
	serving      = 1
)

// statusWords are what a service can be.
var statusWords = map[uint64]string{0: "UNKNOWN", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}

// call is what is asked by gRPC.
func (c *Checker) call(address string) *message.Request {
	host := c.host(address)
	var asked []byte
	if s := c.config.Service; s != "" {
		asked = append(binary.AppendUvarint([]byte{tagService}, uint64(len(s))), s...)
	}
	body := append(grpc.Prefix{Length: uint32(len(asked))}.Append(nil), asked...) //nolint:gosec // a name in a configuration
	return &message.Request{
		Method: "POST", Target: healthMethod, Protocol: message.HTTP11, Host: host,
		Fields: message.Fields{
			{Name: "Host", Value: host}, {Name: "User-Agent", Value: userAgent}, {Name: "TE", Value: "trailers"},
			{Name: "Content-Type", Value: "application/grpc"},
			{Name: "grpc-timeout", Value: strconv.FormatInt(c.config.Timeout.Milliseconds(), 10) + "m"},
		},
		Body: message.Body{Bytes: body},
	}
}

// judgeCall says what is wrong with the answer to a call.
func judgeCall(a *Answer) error {
	if a.Status != 200 {
		return fmt.Errorf("status %d", a.Status)
	}
	code := a.Trailers.Get(grpc.StatusField)
	if code == "" {
		code = a.Fields.Get(grpc.StatusField)
	}
	switch code {
	case "0":
	case "":
		return errors.New("no status of gRPC")
	default:
		return fmt.Errorf("status %s of gRPC", code)
	}
	status, ok := servingStatus(a.Body)
	switch {
	case !ok:
		return errors.New("no message of the health protocol")
	case status == serving:
		return nil
	}
	if word := statusWords[status]; word != "" {
		return errors.New(word)
	}
	return fmt.Errorf("serving status %d", status)
}

// servingStatus reads the message of an answer: field 1, if it is there, and fields that it does not know.
func servingStatus(b []byte) (status uint64, ok bool) {
	if len(b) < grpc.PrefixBytes {
		return 0, false
	}
	p := grpc.ParsePrefix(b)
	if b = b[grpc.PrefixBytes:]; p.Flags != 0 || int64(p.Length) != int64(len(b)) {
		return 0, false
	}
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return 0, false
		}
		b = b[n:]
		value, n := binary.Uvarint(b)
		if n <= 0 {
			return 0, false
		}
		b = b[n:]
		switch {
		case tag == tagStatus:
			status = value
		case tag&7 == 0: // a varint
		case tag&7 == 2 && value <= uint64(len(b)): // of a length
			b = b[value:]
		default:
			return 0, false
		}
	}
	return status, true
}
