package wire

import (
	"encoding/binary"
	"errors"
	"io"
)

// ErrFrame is the error of a WebSocket that breaks the framing of RFC 6455.
var ErrFrame = errors.New("malformed WebSocket frame")

// The opcodes of RFC 6455 11.8 that are in use.
const (
	frameContinuation = 0x0
	FrameText         = 0x1
	FrameBinary       = 0x2
	FrameClose        = 0x8
	framePing         = 0x9
	framePong         = 0xa
)

// maxControl is the longest payload of a control frame.
const maxControl = 125

// Frame is the head of a WebSocket frame (RFC 6455 5.2).
type Frame struct {
	Opcode byte    // of the frame or, if it continues a message, of the message's first frame
	Final  bool    // the last one of its message
	Length int64   // bytes of the payload
	Key    [4]byte // that a client's payload is masked with

	size int
	raw  [14]byte
}

// Head returns the bytes of the head as they were received.
func (f *Frame) Head() []byte { return f.raw[:f.size] }

// Control reports whether f stands for itself, between the frames of messages.
func (f *Frame) Control() bool { return f.Opcode >= FrameClose }

// Unmask undoes the masking of a client's payload, in place. It is to be called for a
// whole payload.
func (f *Frame) Unmask(payload []byte) {
	for i := range payload {
		payload[i] ^= f.Key[i&3]
	}
}

// Frames reads one direction of a WebSocket without extensions, as strictly as requests
// are read: what the specification forbids is an error, be it harmless or not. It belongs
// to one goroutine.
type Frames struct {
	r      io.Reader
	client bool
	within byte // opcode of the message whose next frame is due; 0: none
}

// NewFrames returns a reader of what a client sends, or a server. Single bytes are read
// from r.
func NewFrames(r io.Reader, client bool) *Frames { return &Frames{r: r, client: client} }

// Next reads the head of the next frame; its payload is left to the caller, who has to
// read all of it. The error is io.EOF between two frames only, ErrFrame, or that of the
// reader.
func (f *Frames) Next() (frame Frame, err error) {
	if _, err := io.ReadFull(f.r, frame.raw[:2]); err != nil {
		return frame, err
	}
	frame.size = 2
	more := func(n int) ([]byte, error) {
		b := frame.raw[frame.size : frame.size+n]
		frame.size += n
		_, err := io.ReadFull(f.r, b)
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return b, err
	}
	const final, reserved, masked, small = 0x80, 0x70, 0x80, 0x7f
	first, second := frame.raw[0], frame.raw[1]
	frame.Final, frame.Opcode = first&final != 0, first&0xf
	if first&reserved != 0 || (second&masked != 0) != f.client {
		return frame, ErrFrame
	}
	// A length has one spelling, the shortest (RFC 6455 5.2).
	switch frame.Length = int64(second & small); frame.Length {
	case 126:
		b, err := more(2)
		if err != nil {
			return frame, err
		}
		if frame.Length = int64(binary.BigEndian.Uint16(b)); frame.Length < 126 {
			return frame, ErrFrame
		}
	case 127:
		b, err := more(8)
		if err != nil {
			return frame, err
		}
		if frame.Length = int64(binary.BigEndian.Uint64(b)); frame.Length < 1<<16 { // beyond 63 bits it is negative
			return frame, ErrFrame
		}
	}
	if f.client {
		b, err := more(len(frame.Key))
		if err != nil {
			return frame, err
		}
		copy(frame.Key[:], b)
	}
	return frame, f.place(&frame)
}

// place says whether the frame may stand where it does, and gives it its message's opcode.
func (f *Frames) place(frame *Frame) error {
	switch frame.Opcode {
	case FrameText, FrameBinary:
		if f.within != 0 {
			return ErrFrame
		}
		f.within = frame.Opcode
	case frameContinuation:
		if f.within == 0 {
			return ErrFrame
		}
		frame.Opcode = f.within
	case FrameClose, framePing, framePong:
		if !frame.Final || frame.Length > maxControl {
			return ErrFrame
		}
		return nil
	default:
		return ErrFrame
	}
	if frame.Final {
		f.within = 0
	}
	return nil
}
