package wire

import "time"

// Patience is how long a client that has closed its side is taken to wait for its answer.
const Patience = time.Second
