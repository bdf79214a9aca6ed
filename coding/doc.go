// Package coding undoes the content codings of a message body (RFC 9110, section 8.4), so that what
// an application will read can be inspected. The decoded bytes are for inspection only: the caller
// forwards the original.
//
// It knows no HTTP: [Parse] reads the value of a Content-Encoding field, [Decoder.Decode] takes bytes
// and returns bytes. Which answer an error leads to, and whether a policy decodes at all, is the
// caller's business.
//
// # One reading
//
// A decoder that forgives what another one refuses is a way past inspection. Therefore a stream has
// to be whole, every checksum it carries has to be right, and nothing may follow it. Where a format
// leaves room, these are the rules:
//
//   - gzip (RFC 1952): members may follow each other, and all of them are decoded. The checksum of a
//     header is verified, reserved flags are refused.
//   - deflate is the zlib format (RFC 1950), but some clients send a bare deflate stream (RFC 1951).
//     Bytes that start with a zlib header are zlib and nothing else, the others are bare. What is
//     valid zlib and also starts with a complete bare stream is refused: applications differ in what
//     they try first. No encoder writes such bytes by accident, because a zlib header read as bare
//     deflate is a stored block with padding bits set.
//   - br (RFC 7932): the large window extension is refused.
//   - zstd (RFC 8878): frames may follow each other, skippable frames are skipped. Windows of more
//     than 8 MiB (RFC 9659) and dictionaries are refused.
//   - A body without bytes is empty in every coding.
//
// Applications that ignore Content-Encoding read the encoded bytes as they are, and every format has
// room for plain text in them (a gzip file name, a skippable frame, a stored block). For such
// applications decoding is not enough: the encoded bytes have to be inspected too, or refused.
//
// # Concurrency and memory
//
// A [Decoder] is safe for concurrent use and starts no goroutine. It works on as many bodies at a
// time as there are CPUs; further calls wait, which costs nothing because decoding only computes.
//
// Output grows with what was decoded, never with what a header declares. Besides the output, a
// decoding takes about 50 KiB for gzip and deflate, 1 MiB for zstd and at most 9 MiB if it decodes
// that much. Brotli takes a buffer for a block when the block starts: up to its window, at most
// 16 MiB, and 4 MiB of tables. What grew past 1 MiB is not kept for the next body.
//
// Slices given to a Decoder are read during the call and not kept. The result belongs to the caller.
package coding
