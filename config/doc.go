// Package config turns files, flags and environment variables into typed, validated
// values: Boot for the process, Routes for what it serves.
//
// It is the only package that touches viper, configuration files, flags or the environment. It checks
// shape: keys, types, ranges, references. Meaning is checked by building, in the packages that build.
//
// All problems of a file come together as one Problems value, each with file, line and
// key path. Nothing is watched here; who wants to notice changes loads again and
// compares Digest.
//
// The functions keep no state and may be called concurrently. Returned values belong to
// the caller; policies never share a slice with each other. Callers that hand a *Routes
// to several goroutines must treat it as read-only.
package config
