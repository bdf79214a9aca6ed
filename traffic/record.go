package traffic

import (
	"bufio"
	"errors"
)

// records reads records of the tier.
func (f *reading) records(*bufio.Reader) error {
	return errors.New("records cannot be read yet")
}
