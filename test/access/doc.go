// Package access tests what several tiers know together of who may ask, with a real store between them.
package access
