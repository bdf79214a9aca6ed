// Package record is the full log of transactions: requests and responses with their heads and bodies, as lines of
// JSON that people, programs and "wafer replay" read back.
//
// A [Recorder] takes what the tier has seen of a transaction, and never waits: what finds no room in its queue is
// dropped and counted. One goroutine undoes content codings, masks, cuts and encodes, and gives each line to an
// output. A [Capture] collects what goes by of a body, within the same account of memory. A [Reader] gives records
// back, and [Record.HAR] and [Record.ModSecurity] write them as others read them.
//
// The format is described by schema/record.json and docs/records.md. It knows nothing of the tier's other packages:
// masking and outputs are given to it.
package record
