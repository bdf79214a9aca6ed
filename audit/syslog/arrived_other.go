//go:build !linux

package syslog

// arrived cannot be told here: what the own system has taken counts as arrived.
func (c *connection) arrived() (bool, error) { return true, nil }
