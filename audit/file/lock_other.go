//go:build !unix

package file

import "os"

// lock does nothing where there is no such lock: one process writes to a file, as documented.
func lock(*os.File) error { return nil }
