// Package seclang reads SecLang text into rules, the way Coraza v3.8.1 does
// (internal/seclang/parser.go, rule_parser.go and directives.go there).
//
// It serves the screen, which has to know of a policy exactly what Coraza knows of it. So
// it takes what Coraza accepts and is sure to mean the same by it; whatever it does not
// know, and whatever is written in a way that leaves doubt, is an error, and the policy
// goes without a screen. It checks nothing that Coraza checks when it compiles the text.
//
// A [Program] is immutable once parsed.
package seclang
