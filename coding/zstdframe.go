package coding

import (
	"encoding/binary"
	"errors"
)

// Bits of a frame header's descriptor (RFC 8878, section 3.1.1.1.1).
const (
	zstdSingleSegment = 1 << 5
	zstdReserved      = 1 << 3
	zstdChecksum      = 1 << 2
)

var (
	errWindow     = errors.New("window larger than 8 MiB")
	errDictionary = errors.New("dictionary needed")
)

// zstdFrame is what a frame says about itself.
type zstdFrame struct {
	length    int    // bytes of the frame, header and checksum included
	blocks    []byte // the frame without its header
	flags     byte   // of the descriptor, those that mean something without the rest of the header
	window    int    // declared: bytes that a decoder has to remember
	size      uint64 // declared: decoded bytes, if sized
	sized     bool
	bound     int  // decoded bytes at most, from the headers of the blocks that are there
	truncated bool // the input ends within the frame
}

// parseFrame reads the frame that in starts with; its magic number has been seen.
func parseFrame(in []byte) (zstdFrame, error) {
	f := zstdFrame{}
	n := len(zstdMagic)
	if len(in) <= n {
		return f, errTruncated
	}
	descriptor := in[n]
	n++
	if descriptor&zstdReserved != 0 {
		return f, corrupt(errHeader)
	}
	f.flags = descriptor & zstdChecksum
	single := descriptor&zstdSingleSegment != 0

	windowBytes := 1
	if single {
		windowBytes = 0
	}
	dictionaryBytes := [4]int{0, 1, 2, 4}[descriptor&3]
	sizeBytes := [4]int{0, 2, 4, 8}[descriptor>>6]
	if single && sizeBytes == 0 {
		sizeBytes = 1
	}
	if len(in) < n+windowBytes+dictionaryBytes+sizeBytes {
		return f, errTruncated
	}
	if !single {
		window := windowSize(in[n])
		if window > zstdMaxWindow {
			return f, corrupt(errWindow)
		}
		f.window = int(window)
	}
	n += windowBytes
	if littleEndian(in[n:n+dictionaryBytes]) != 0 {
		return f, corrupt(errDictionary)
	}
	n += dictionaryBytes
	f.sized = sizeBytes > 0
	f.size = littleEndian(in[n : n+sizeBytes])
	if sizeBytes == 2 {
		f.size += 256
	}
	n += sizeBytes
	if single {
		if f.size > zstdMaxWindow {
			return f, corrupt(errWindow)
		}
		f.window = max(int(f.size), 1<<10)
	}
	return f, f.measure(in, n)
}

// measure finds the end of the frame whose blocks start at in[n:] (RFC 8878, section 3.1.1.2).
func (f *zstdFrame) measure(in []byte, n int) error {
	start := n
	for last := false; !last && !f.truncated; {
		if len(in)-n < 3 {
			f.truncated = true
			break
		}
		header := littleEndian(in[n : n+3])
		n += 3
		last = header&1 != 0
		size := int(header >> 3)
		switch header >> 1 & 3 {
		case 0: // raw
			f.bound += size
		case 1: // one byte repeated
			f.bound += size
			size = 1
		case 2: // compressed
			f.bound += min(f.window, zstdMaxBlock)
		default:
			return corrupt(errBlock)
		}
		f.truncated = size > len(in)-n
		n += min(size, len(in)-n)
	}
	if f.flags&zstdChecksum != 0 && !f.truncated {
		f.truncated = len(in)-n < 4
		n += min(4, len(in)-n)
	}
	f.length, f.blocks = n, in[start:n]
	return nil
}

// needs returns a window that decodes the frame as the declared one does, as long as no more than room
// bytes are wanted. It is not larger than the declared one, up to rounding.
func (f *zstdFrame) needs(room int) int {
	n := f.bound
	if room < n {
		n = room + zstdMaxBlock
	}
	// The window also limits the size of a block.
	return min(f.window, max(n, zstdMaxBlock))
}

// windowSize returns the bytes that a window descriptor stands for (RFC 8878, section 3.1.1.1.2).
func windowSize(descriptor byte) uint64 {
	base := uint64(1) << (10 + descriptor>>3)
	return base + base/8*uint64(descriptor&7)
}

// windowDescriptor returns the smallest descriptor that stands for at least size bytes.
func windowDescriptor(size int) byte {
	descriptor := byte(0)
	for windowSize(descriptor) < uint64(size) {
		descriptor++
	}
	return descriptor
}

// littleEndian returns the number in at most 8 bytes.
func littleEndian(b []byte) uint64 {
	var full [8]byte
	copy(full[:], b)
	return binary.LittleEndian.Uint64(full[:])
}
